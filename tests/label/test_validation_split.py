import json

from ssgnet_monai.label_app.validation_split import draw_validation


def test_validation_images_are_drawn_once_and_stay(tmp_path):
    record, names = tmp_path / "validation.json", [f"{index:02d}.png" for index in range(10)]
    first = draw_validation(names, 0.2, record)
    assert len(first) == 2
    assert first != set(names[-2:])  # no order of a listing
    assert draw_validation(names, 0.2, record) == first
    more = draw_validation([*names, "new_a.png", "new_b.png", "new_c.png", "new_d.png", "new_e.png"], 0.2, record)
    assert first < more
    assert len(more) == 3
    assert more - first < {"new_a.png", "new_b.png", "new_c.png", "new_d.png", "new_e.png"}  # nothing has seen it


def test_few_labels(tmp_path, caplog):
    assert draw_validation(["a"], 0.5, tmp_path / "one.json") == set()
    assert draw_validation(["a", "b"], 0.0, tmp_path / "two.json") == set()
    (seen,) = draw_validation(["a", "b"], 0.2, tmp_path / "three.json")
    assert draw_validation(["a", "b"], 0.9, tmp_path / "three.json") == {seen}  # one stays to train
    assert json.loads((tmp_path / "two.json").read_text())["training"] == ["a", "b"]
    draw_validation(["a", "b"], 0.5, tmp_path / "two.json")
    assert "have trained before" in caplog.text

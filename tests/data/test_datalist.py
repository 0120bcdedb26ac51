import json
import os

import pytest
from monai.data import load_decathlon_datalist

from ssgnet_monai.data import datalist_sha256, load_datalist, save_datalist, select_items


def make(folder, **changes):
    for name in ("a", "b", "c"):
        (folder / f"{name}.png").write_bytes(b"x")
    content = {
        "name": "toy",
        "classes": ["benign", "malignant"],
        "training": [{"image": "a.png", "label": "a.png", "class": "benign", "group": "p1", "origin": "real"}],
        "validation": [{"image": "b.png", "class": "malignant", "group": "p2", "origin": "real"}],
        "test": [{"image": "c.png", "class": "benign", "group": "p3", "origin": "real"}],
    }
    return {**content, **changes}


def test_paths_are_absolute_and_a_class_named_like_a_folder_stays_a_name(tmp_path):
    (tmp_path / "benign").mkdir()
    path = save_datalist(make(tmp_path), tmp_path / "datalist.json")
    loaded = load_datalist(tmp_path)
    assert loaded["training"] == [
        {
            "image": str(tmp_path / "a.png"),
            "label": str(tmp_path / "a.png"),
            "class": "benign",
            "group": "p1",
            "origin": "real",
        }
    ]
    assert loaded["unlabeled"] == []
    # MONAI reads the same file, with the trap that ours avoids.
    assert load_decathlon_datalist(path)[0]["image"] == str(tmp_path / "a.png")
    assert load_decathlon_datalist(path)[0]["class"] == str(tmp_path / "benign")


def test_saving_elsewhere_keeps_pointing_at_the_same_files(tmp_path):
    save_datalist(make(tmp_path), tmp_path / "datalist.json")
    loaded = load_datalist(tmp_path)
    save_datalist(loaded, tmp_path / "runs" / "copy.json")
    raw = json.loads((tmp_path / "runs" / "copy.json").read_text())
    assert raw["training"][0]["image"] == "../a.png"
    assert load_datalist(tmp_path / "runs" / "copy.json") == loaded


def test_relative_and_absolute_datalist_paths_agree(tmp_path, monkeypatch):
    save_datalist(make(tmp_path), tmp_path / "datalist.json")
    monkeypatch.chdir(tmp_path)
    assert load_datalist("datalist.json") == load_datalist(tmp_path)
    assert os.path.isabs(load_datalist(".")["test"][0]["image"])


def test_sha256_depends_on_content_alone(tmp_path):
    content = make(tmp_path)
    (tmp_path / "one.json").write_text(json.dumps(content, indent=4))
    (tmp_path / "two.json").write_text(json.dumps(dict(reversed(content.items()))))
    (tmp_path / "three.json").write_text(json.dumps({**content, "name": "other"}))
    one, two, three = (datalist_sha256(tmp_path / f"{name}.json") for name in ("one", "two", "three"))
    assert one == two != three


def test_select_items():
    items = [
        {"image": "1", "class": "a", "label": "1"},
        {"image": "2", "class": "b"},
        {"image": "3", "class": "a", "origin": "synthetic"},
    ]
    assert [item["image"] for item in select_items(items)] == ["1", "2", "3"]
    assert [item["image"] for item in select_items(items, "a")] == ["1", "3"]
    assert [item["image"] for item in select_items(items, "a", origin="real")] == ["1"]
    assert select_items([], "a") == []
    with pytest.raises(ValueError, match=r"items of class 'c', got 3 items of classes \['a', 'b'\]"):
        select_items(items, "c")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": {}}, "list 'training'"),
        ({"test": [{"image": "c.png", "group": "p1"}]}, "group 'p1' in training"),
        ({"test": [{"image": "./a.png"}]}, "every image once, got a.png"),
        ({"test": [{"image": "c.png", "class": "odd"}]}, "class out of .* got 'odd' at test\\[0\\]"),
        ({"test": [{"image": "c.png", "origin": "synthetic"}]}, "in 'training' or 'unlabeled' only, got c.png at test"),
        ({"validation": [{"image": "b.png", "origin": "synthetic"}]}, r"got b.png at validation\[0\]"),
        ({"training": [{"image": "a.png"}] * 2}, "every image once, got a.png in training"),
        ({"training": [{"image": "a.png"}, {"image": "a.png", "origin": "synthetic"}]}, "every image once, got a.png"),
        (
            {"training": [{"image": "a.png", "origin": "synthetic"}], "unlabeled": [{"image": "a.png"}]},
            "every image once, got a.png in training and in unlabeled",
        ),
        ({"test": [{"label": "c.png"}]}, "path under 'image'"),
        ({"unlabeled": [{"image": "d.png", "group": "p3"}]}, "group 'p3' in test"),
    ],
)
def test_contract_breaches_are_named(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        save_datalist(make(tmp_path, **changes), tmp_path / "datalist.json")
    assert not (tmp_path / "datalist.json").exists()


def test_a_synthetic_image_may_stand_several_times_in_training(tmp_path):
    real = make(tmp_path)["training"]
    synthetic = [{"image": "d.png", "class": "malignant", "origin": "synthetic"}] * 2
    (tmp_path / "d.png").write_bytes(b"x")
    save_datalist(make(tmp_path, training=[*real, *synthetic]), tmp_path / "datalist.json")
    assert [item["image"][-5:] for item in load_datalist(tmp_path)["training"]] == ["a.png", "d.png", "d.png"]


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="ssgnet data prepare"):
        load_datalist(tmp_path / "datalist.json")
    save_datalist(make(tmp_path), tmp_path / "datalist.json")
    (tmp_path / "b.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 4 missing, first .*b\.png"):
        load_datalist(tmp_path)
    assert load_datalist(tmp_path, check_files=False)["validation"]
    (tmp_path / "datalist.json").write_text("{")
    with pytest.raises(ValueError, match="Expected JSON in"):
        load_datalist(tmp_path)

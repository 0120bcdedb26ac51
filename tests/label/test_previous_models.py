from ssgnet_monai.label_app.previous_models import keep_previous


def test_two_models_before_the_present_one_are_kept(tmp_path):
    model = tmp_path / "model.pt"
    keep_previous(model)
    assert list(tmp_path.iterdir()) == []
    for content in ("one", "two", "two", "three"):  # the second training of "two" failed
        model.write_text(content)
        keep_previous(model)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "model.pt": "three",
        "model_previous.pt": "three",
        "model_previous2.pt": "two",
    }

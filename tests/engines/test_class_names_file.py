import pytest

from ssgnet_monai.engines import check_class_names, class_names, save_class_names


def test_another_order_than_that_of_the_weights_is_refused(tmp_path):
    model = tmp_path / "model.pt"
    check_class_names(["ill", "well"], model)  # weights of elsewhere come without names
    assert class_names(model, ["a", "b"]) == ["a", "b"]
    save_class_names(["ill", "well"], model)
    assert class_names(model, ["a", "b"]) == ["ill", "well"]
    check_class_names(("ill", "well"), model)
    with pytest.raises(ValueError, match=r"Expected classes \['ill', 'well'\].*classes.json\), got \['well', 'ill'\]"):
        check_class_names(["well", "ill"], model)

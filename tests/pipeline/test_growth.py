import pytest

from ssgnet_monai.pipeline.growth import SETTINGS, all_settings, images_needed, used_settings

DATALIST = {"training": [{"class": "large"}] * 10 + [{"class": "small"}] * 4}


def experiment(*rows, **growth):
    return {"classification": {str(i): {"settings": row} for i, row in enumerate(rows)}, "growth": growth}


def test_the_hungriest_setting_of_any_row_counts():
    assert images_needed(experiment(["original"]), DATALIST) == {}
    assert images_needed(experiment(["original", "balanced"]), DATALIST) == {"large": 0, "small": 6}
    assert images_needed(experiment(["balanced"], ["original", "extra_50"]), DATALIST) == {"large": 5, "small": 11}
    own = experiment(["extra_20", "many"], many={"target": 9, "extra": 0})
    assert images_needed(own, DATALIST) == {"large": 2, "small": 8}


def test_settings_are_listed_once_and_without_the_real_images():
    assert used_settings(experiment(["original", "extra_20"], ["balanced", "extra_20"])) == ["extra_20", "balanced"]


def test_own_settings_stand_beside_the_shipped_ones_and_are_checked():
    assert all_settings({"much": {"extra": 2}}) == {**SETTINGS, "much": {"target": "balanced", "extra": 2}}
    for growth, message in [
        ({"original": {"target": 3}}, "'original' always means the real images"),
        ({"much": 3}, "growth.NAME: .* got much: 3"),
        ({"much": {"targt": 3}}, r"in growth\.much, got 'targt'\. Did you mean 'target'"),
        ({"much": {"target": "bigger"}}, "target 'balanced' or a number"),
    ]:
        with pytest.raises(ValueError, match=message):
            all_settings(growth)

import pytest

from ssgnet_monai.data import class_items
from ssgnet_monai.data.items_of_class import origin_counts


def datalist(**changes):
    item = {"image": "a.png", "label": "a_mask.png", "class": "ill", "group": "p1"}
    training = [item, {"image": "b.png", "class": "well", "origin": "synthetic"}]
    return {"classes": ["ill", "well"], "training": training, "validation": [], **changes}


def test_classes_become_numbers_and_masks_stay_away():
    assert class_items(datalist(), "training") == [
        {"image": "a.png", "class": "ill", "origin": "real", "label": 0, "group": "p1"},
        {"image": "b.png", "class": "well", "origin": "synthetic", "label": 1},
    ]


def test_images_are_counted_by_origin():
    counts = origin_counts(datalist()["training"], ["ill", "well"])
    assert counts == {"real": {"ill": 1, "well": 0}, "synthetic": {"ill": 0, "well": 1}}


@pytest.mark.parametrize(
    ("changes", "split", "message"),
    [
        ({"classes": ["ill"]}, "training", r"two or more classes, got \['ill'\]"),
        ({"classes": None}, "training", "Prepare the dataset with --classes"),
        ({}, "validation", "'validation' of the datalist, got an empty list"),
        ({"training": [{"image": "a.png"}]}, "training", "none for 1 of 1, first a.png"),
        ({"training": [{"image": "a.png", "class": "ill"}]}, "training", r"every class, got none of \['well'\]"),
    ],
)
def test_what_cannot_be_learned_is_refused(changes, split, message):
    with pytest.raises(ValueError, match=message):
        class_items(datalist(**changes), split)

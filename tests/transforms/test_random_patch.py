"""Random crops of volumes."""

import numpy as np
import pytest
import torch

from ssgnet_monai.transforms import ClassPlacesd, RandomPatchd


def labelled(shape=(30, 20, 10), **more):
    label = torch.zeros(1, *shape, dtype=torch.uint8)
    label[0, 25, 15, 8], label[0, 3, 2, 1], label[0, 0, 0, 0] = 1, 2, 255
    image = torch.arange(label.numel()).view_as(label)
    return {"image": image, "label": label, **more}


def test_every_crop_of_a_labelled_volume_holds_a_class_and_both_are_as_likely():
    item = ClassPlacesd("label", 3)(labelled())
    crop = RandomPatchd(["image", "label"], [6, 6, 6], foreground_share=1)
    found = []
    for seed in range(100):
        crop.set_random_state(seed)
        label = crop(item)["label"]
        found += [c for c in (1, 2) if (label == c).any()]
    assert len(found) == 100
    assert 30 < found.count(1) < 70


def test_of_labels_that_a_model_made_no_place_is_known():
    item = ClassPlacesd("label", 3)(labelled(pseudo_label=True))
    crop = RandomPatchd(["image", "label"], [6, 6, 6], foreground_share=1)
    starts = {tuple(crop.set_random_state(seed)(item)["patch_start"].tolist()) for seed in range(50)}
    assert item["class_places"] == []
    assert len(starts) > 40


def test_crops_reach_every_border_and_are_the_same_for_a_seed():
    crop = RandomPatchd(["image", "label"], [28, 19, 9])
    starts = [crop.set_random_state(seed)(labelled())["patch_start"].tolist() for seed in range(60)]
    assert {tuple(start) for start in starts} == {(x, y, z) for x in range(3) for y in range(2) for z in range(2)}
    assert starts == [crop.set_random_state(seed)(labelled())["patch_start"].tolist() for seed in range(60)]
    item = crop.set_random_state(4)(labelled())
    x, y, z = item["patch_start"].tolist()
    np.testing.assert_array_equal(item["image"], labelled()["image"][:, x : x + 28, y : y + 19, z : z + 9])


def test_a_smaller_volume_is_told_once(caplog):
    crop = RandomPatchd(["image", "label"], [16, 16, 16])
    item = crop(labelled())
    crop(labelled())
    assert item["image"].shape == (1, 16, 16, 10)
    assert caplog.text.count("(30, 20, 10) voxels is smaller than patch_size (16, 16, 16) and is padded") == 1


def test_at_most_ten_thousand_places_of_a_class():
    label = torch.ones(1, 50, 40, 30)
    places = ClassPlacesd("label", 2)({"label": label})["class_places"]
    assert 5000 < len(places[0]) <= 10_000
    assert places[0].max(0).tolist() == [49, 39, 29] or places[0].max(0)[0] == 49


@pytest.mark.parametrize("size", [96, [96, 96], [0, 1, 1]])
def test_sizes_that_are_none(size):
    with pytest.raises(ValueError, match="Expected patch_size of three lengths"):
        RandomPatchd(["image"], size)


def test_a_share_that_is_none():
    with pytest.raises(ValueError, match=r"Expected foreground_share in \[0, 1\], got 33"):
        RandomPatchd(["image"], [1, 1, 1], 33)

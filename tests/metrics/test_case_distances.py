"""Distances of the classes of cases: by hand, ignored pixels, absent classes."""

import numpy as np
import pytest
import torch

from ssgnet_monai.metrics import class_distances, summarise_distances

NAN = float("nan")


def points(*places, shape=(1, 1, 9)):
    """A volume with single voxels of class 1, 2, ...; None: the class is absent."""
    volume = np.zeros(shape, np.uint8)
    for number, place in enumerate(places, start=1):
        if place is not None:
            volume[0, 0, place] = number
    return volume


def test_by_hand_in_voxels_and_in_mm():
    found = class_distances(points(1, 8), points(4, 6), 3, spacing=(5, 1, 0.5))
    assert found.tolist() == [[3, 3, 1.5, 1.5], [2, 2, 1, 1]]
    in_voxels = class_distances(points(1)[0], points(4)[0], 2)
    assert in_voxels[0, :2].tolist() == [3, 3]
    assert in_voxels[0, 2:].isnan().all()


def test_what_is_not_known_belongs_to_neither_mask():
    truth = points(4)
    truth[0, 0, 7:] = 255
    found = points(4)
    found[0, 0, 8] = 1
    assert class_distances(found, truth, 2)[0, :2].tolist() == [0, 0]


def test_an_empty_mask_has_no_distance_and_is_counted():
    pairs = [(points(1, 8), points(4, 6)), (points(1), points(2, 6)), (points(3), points(3))]
    distances = torch.stack([class_distances(found, truth, 3) for found, truth in pairs])
    assert distances[1, 1].isnan().all()
    counts = torch.zeros(3, 2, 4)
    counts[:, :, 2] = 1  # something was found...
    counts[1, 1], counts[2, 1] = torch.tensor([0.0, 8, 0, 1]), torch.tensor([0.0, 9, 0, 0])  # missed; absent in both
    summary = summarise_distances(distances, counts)
    assert summary["n_undefined"] == 1
    assert summary["hd95_voxels_mean"] == pytest.approx((2.5 + 1 + 0) / 3)
    assert summary["hd95_voxels_sd"] == pytest.approx(np.std([2.5, 1, 0], ddof=1))
    assert summary["hd95_mm_mean"] is summary["assd_mm_sd"] is None


def test_one_case_has_no_spread_and_none_no_mean():
    counts = torch.tensor([[[0.0, 8, 0, 1]]])
    assert summarise_distances(torch.tensor([[[2.0, 1, NAN, NAN]]]), counts)["hd95_voxels_sd"] == 0
    nothing = summarise_distances(torch.full((1, 1, 4), NAN), counts)
    assert nothing["n_undefined"] == 1
    assert nothing["assd_voxels_mean"] is None

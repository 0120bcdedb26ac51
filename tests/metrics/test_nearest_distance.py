"""Copies and unlike images, by distances that a person can add up."""

import pytest
import torch

from ssgnet_monai.metrics.nearest_distance import nearest_distances, unfit_images

REAL = torch.tensor([[0.0, 0], [3, 4], [3, 5], [3, 7]])


def test_distances_by_hand():
    assert nearest_distances(REAL).tolist() == [5, 1, 1, 2]
    assert nearest_distances(torch.tensor([[0.0, 1], [3, 4]]), REAL).tolist() == [1, 0]


def test_copies_and_unlike_images_by_hand():
    synthetic = torch.tensor([[0.0, 0.5], [0, 2], [0, 40], [3, 5]])  # .5, 2, far, 0 from the nearest real one
    reasons, limits = unfit_images(REAL, synthetic, [0.0, 1.0])
    assert limits == [1, 5]
    assert reasons == ["copy", None, "unlike", "copy"]
    assert unfit_images(REAL, synthetic, [0.0, 0.3])[1] == pytest.approx([1, 1])


def test_real_images_of_the_same_kind_stay():
    draws = torch.randn(400, 8, generator=torch.Generator().manual_seed(0))
    reasons, _ = unfit_images(draws[:200], draws[200:], [0.01, 0.99])
    assert sum(reason is None for reason in reasons) > 180


@pytest.mark.parametrize(
    ("real", "quantiles", "message"),
    [(REAL, [0.9, 0.1], r"quantiles \[low, high\]"), (REAL, [0.5], "two quantiles"), (REAL[:2], [0, 1], "got 2")],
)
def test_bad_arguments(real, quantiles, message):
    with pytest.raises(ValueError, match=message):
        unfit_images(real, REAL, quantiles)

"""Otsu baseline: agreement with scikit-image, choice of channel and polarity, errors."""

import numpy as np
import pytest
import torch
from skimage.filters import threshold_otsu

from ssgnet_monai.metrics import OtsuBaseline, fit_otsu


def _images(n=6, size=24):
    """Dark discs in the green channel only; red and blue are noise."""
    g = torch.Generator().manual_seed(0)
    images = torch.rand(n, 3, size, size, generator=g)
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    radius = torch.arange(4, 4 + n).view(n, 1, 1)
    masks = ((y - size // 2) ** 2 + (x - size // 3) ** 2 < radius**2).float().unsqueeze(1)
    images[:, 1:2] = 0.7 - 0.4 * masks + 0.1 * torch.rand(n, 1, size, size, generator=g)
    return images, masks


def test_thresholds_equal_skimage():
    images, _ = _images()
    for channel in range(3):
        masks = OtsuBaseline(channel, "bright").predict(images)
        for image, mask in zip(images.double(), masks, strict=True):
            plane = image[channel].numpy()
            np.testing.assert_array_equal(mask[0].numpy() > 0, plane > threshold_otsu(plane))


def test_channel_and_polarity_are_found():
    images, masks = _images()
    otsu = fit_otsu(images, masks)
    assert otsu == OtsuBaseline(channel=1, polarity="dark")
    assert (otsu.predict(images) != masks).float().mean() < 0.01
    assert fit_otsu(1 - images, masks) == OtsuBaseline(channel=1, polarity="bright")


def test_two_values_by_hand():
    image = torch.tensor([[[[0.0, 0.0, 1.0]]]])
    assert OtsuBaseline(0, "bright").predict(image).flatten().tolist() == [0, 0, 1]
    assert OtsuBaseline(0, "dark").predict(image).flatten().tolist() == [1, 1, 0]


@pytest.mark.parametrize("polarity", ["bright", "dark"])
def test_flat_image_is_empty(polarity):
    assert OtsuBaseline(0, polarity).predict(torch.full((1, 1, 4, 4), 0.3)).sum() == 0


def test_bad_shapes():
    with pytest.raises(ValueError, match=r"Expected images \(B, C > 2, H, W\), got \(1, 1, 4, 4\)"):
        OtsuBaseline(2, "dark").predict(torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match=r"masks \(B, 1, H, W\), got \(1, 3, 4, 4\) and \(1, 3, 4, 4\)"):
        fit_otsu(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4))

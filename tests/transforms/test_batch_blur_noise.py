"""Blur and noise of a batch."""

import pytest
import torch
from monai.transforms import GaussianSmooth

from ssgnet_monai.transforms import BatchBlurNoise
from ssgnet_monai.transforms.batch_blur_noise import gaussian_blur


@pytest.mark.parametrize("shape", [(20, 15), (9, 12, 10)])
def test_every_image_is_blurred_by_its_own_gaussian(shape):
    images, sigmas = torch.randn(3, 2, *shape), torch.tensor([0.5, 1.0, 1.5])
    found = gaussian_blur(images, sigmas, 6)
    inner = tuple(slice(5, -5) if size > 11 else slice(4, -4) for size in shape)  # the other pads with zeros
    for image, sigma, blurred in zip(images, sigmas, found, strict=True):
        expected = torch.as_tensor(GaussianSmooth(float(sigma), approx="sampled")(image))
        torch.testing.assert_close(
            blurred[(slice(None), *inner)], expected[(slice(None), *inner)], atol=0.02, rtol=0.05
        )


def test_an_impulse_becomes_the_gaussian():
    image = torch.zeros(1, 1, 11, 11)
    image[0, 0, 5, 5] = 1
    line = torch.exp(-0.5 * torch.arange(-5.0, 6) ** 2)
    expected = line[:, None] * line[None, :] / line.sum() ** 2
    torch.testing.assert_close(gaussian_blur(image, torch.ones(1), 5)[0, 0], expected)


def test_blur_leaves_even_images_to_their_border():
    even = torch.full((2, 3, 8, 8), 4.0)
    torch.testing.assert_close(gaussian_blur(even, torch.tensor([0.5, 1.5]), 5), even)


def test_noise_counts_in_standard_deviations_of_the_image():
    images = torch.randn(200, 1, 16, 16) * 50
    torch.manual_seed(0)
    noise = (BatchBlurNoise(blur_prob=0, noise_prob=0.5, noise=0.2)(images) - images).flatten(1).std(1) / 50
    assert 70 < (noise > 0).sum() < 130
    assert 0.15 < noise.max() < 0.25


def test_without_probability_nothing_changes():
    images = torch.randn(4, 1, 8, 8)
    assert BatchBlurNoise(blur_prob=0, noise_prob=0)(images) is images


def test_draws_follow_torchs_seed_and_the_input_stays():
    images = torch.randn(8, 3, 8, 8)
    before, change = images.clone(), BatchBlurNoise(blur_prob=1, noise_prob=1)
    torch.manual_seed(1)
    first = change(images)
    torch.manual_seed(1)
    assert torch.equal(first, change(images))
    assert torch.equal(images, before)
    assert not torch.equal(first, images)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"blur_prob": 2}, r"blur_prob in \[0, 1\], got 2"),
        ({"sigma": (0, 1)}, r"sigma as \[low, high\] with 0 < low <= high, got \(0, 1\)"),
        ({"noise": -1}, "noise >= 0, got -1"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        BatchBlurNoise(**settings)

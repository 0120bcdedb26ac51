"""Brightness, contrast, gamma and colour of a batch."""

import pytest
import torch

from ssgnet_monai.transforms import BatchIntensity

NOTHING = {"brightness": 0, "contrast": 0, "channels": 0, "saturation": 0, "hue": 0, "gamma_prob": 0}


def images(n=8, channels=3, shape=(16, 12)):
    return torch.randn(n, channels, *shape, generator=torch.Generator().manual_seed(0))


def changed(x, seed=0, **settings):
    torch.manual_seed(seed)
    return BatchIntensity(**{**NOTHING, "prob": 1, **settings})(x)


@pytest.mark.parametrize("shape", [(16, 12), (6, 5, 4)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_scale_of_the_values_does_not_matter(channels, shape):
    """Images in [0, 255] or z-scored are changed alike."""
    x = images(6, channels, shape)
    torch.manual_seed(3)
    expected = BatchIntensity(prob=1, gamma_prob=0.5)(x)
    torch.manual_seed(3)
    found = BatchIntensity(prob=1, gamma_prob=0.5)(x * 40 + 100)
    torch.testing.assert_close((found - 100) / 40, expected, atol=1e-4, rtol=1e-4)
    assert ((expected - x).abs().flatten(1).amax(1) > 0.01).all()


def test_nothing_is_changed_without_strengths_or_without_probability():
    x = images()
    torch.testing.assert_close(changed(x), x)
    torch.manual_seed(0)
    torch.testing.assert_close(BatchIntensity(prob=0, gamma_prob=0)(x), x)


def test_brightness_is_added_in_standard_deviations_of_the_image():
    x = images() * 7 + 3
    difference = changed(x, brightness=0.5) - x
    shift = difference.flatten(1).mean(1) / x.flatten(1).std(1, correction=0)
    torch.testing.assert_close(difference, difference[:, :1, :1, :1].expand_as(x), atol=1e-4, rtol=0)
    assert 0.1 < shift.abs().max() <= 0.5
    assert len(shift.unique()) == len(x)


def test_contrast_is_about_the_mean_within_its_bounds():
    x = images(64) + 2
    found = changed(x, contrast=0.5)
    torch.testing.assert_close(found.flatten(1).mean(1), x.flatten(1).mean(1), atol=1e-4, rtol=0)
    gain = found.flatten(1).std(1) / x.flatten(1).std(1)
    assert 1 / 1.5 - 1e-4 <= gain.min() < 0.75
    assert 1.35 < gain.max() <= 1.5 + 1e-4


def test_saturation_and_hue_leave_the_mean_of_the_channels_and_grey_as_they_are():
    x = images()
    for setting in ("saturation", "hue"):
        found = changed(x, **{setting: 0.5})
        assert (found - x).abs().max() > 0.1
        torch.testing.assert_close(found.mean(1), x.mean(1), atol=1e-5, rtol=0)
        grey = x[:, :1].repeat(1, 3, 1, 1)
        torch.testing.assert_close(changed(grey, **{setting: 0.5}), grey, atol=1e-5, rtol=0)


def test_a_third_of_a_turn_of_the_hue_moves_red_on(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda *size: torch.ones(*size))
    red = torch.zeros(1, 3, 2, 2)
    red[:, 0] = 1
    found = BatchIntensity(**{**NOTHING, "prob": 1.1 - 0.1, "hue": 1 / 3})(red)
    torch.testing.assert_close(found, red)  # a draw of 1 is not below a probability of 1
    monkeypatch.setattr(torch, "rand", lambda *size: torch.tensor([0.5, 0.5, 0, 0.5, 0.5, 1, 0.5] + [0.5] * 6)[None])
    found = BatchIntensity(**{**NOTHING, "prob": 1, "hue": 1 / 3})(red)
    torch.testing.assert_close(found, red.roll(1, 1), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("channels", "shape"), [(1, (16, 12)), (2, (16, 12)), (3, (6, 5, 4))])
def test_other_images_than_colour_pictures_have_no_colour(channels, shape):
    x = images(8, channels, shape)
    torch.testing.assert_close(changed(x, saturation=0.5, hue=0.5), x)


def test_gamma_keeps_mean_and_deviation_and_the_order_of_the_values():
    x = images(16, 1)
    torch.manual_seed(0)
    found = BatchIntensity(prob=0, gamma=(0.5, 0.5), gamma_prob=1)(x)
    low, high = (end.view(-1, 1, 1, 1) for end in x.flatten(1).aminmax(dim=1))
    root = ((x - low) / (high - low)).sqrt()
    mean, std = root.flatten(1).mean(1), root.flatten(1).std(1)
    by_hand = (root - mean.view(-1, 1, 1, 1)) / std.view(-1, 1, 1, 1)
    by_hand = by_hand * x.flatten(1).std(1).view(-1, 1, 1, 1) + x.flatten(1).mean(1).view(-1, 1, 1, 1)
    torch.testing.assert_close(found, by_hand, atol=1e-4, rtol=1e-4)


def test_an_image_of_one_value_stays_finite():
    x = torch.full((4, 3, 8, 8), 2.0)
    torch.manual_seed(0)
    found = BatchIntensity(prob=1, gamma_prob=1)(x)
    torch.testing.assert_close(found, x)


def test_draws_follow_torchs_seed():
    assert torch.equal(changed(images(), 4, brightness=1), changed(images(), 4, brightness=1))
    assert not torch.equal(changed(images(), 4, brightness=1), changed(images(), 5, brightness=1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prob": 2}, r"prob in \[0, 1\], got 2"),
        ({"contrast": -0.1}, "contrast >= 0, got -0.1. 0 switches it off"),
        ({"gamma": (1.5, 0.7)}, r"gamma as \[low, high\] with 0 < low <= high, got \(1.5, 0.7\)"),
        ({"gamma": 2}, r"gamma as \[low, high\]"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        BatchIntensity(**settings)

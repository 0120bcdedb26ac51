"""Generator and discriminator: sizes, classes, configuration R, independence of the batch, bad arguments."""

from __future__ import annotations

import math

import pytest
import torch

from ssgnet_monai.networks.stylegan3 import Discriminator, Generator
from ssgnet_monai.networks.stylegan3.filters import design_lowpass_filter

SMALL = {"z_dim": 8, "w_dim": 8, "img_resolution": 32, "channel_max": 8, "num_layers": 4, "margin_size": 2}


def latents(n, seed=0, dim=8):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True)
def fixed_weights():
    torch.manual_seed(0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"c_dim": 0, "img_channels": 1},
        {"c_dim": 3, "img_channels": 3},
        {"c_dim": 0, "img_channels": 3, "conv_kernel": 1, "use_radial_filters": True},
        {"c_dim": 0, "img_channels": 1, "img_resolution": 16, "num_layers": 3, "num_critical": 1, "margin_size": 0},
        {"c_dim": 2, "img_channels": 2, "img_resolution": 64, "num_layers": 6, "margin_size": 4, "conv_clamp": None},
    ],
)
def test_sizes_and_gradients(arguments):
    arguments = SMALL | arguments
    generator = Generator(**arguments)
    shared = {name: arguments[name] for name in ("c_dim", "img_resolution", "img_channels", "channel_max")}
    discriminator = Discriminator(**shared)
    c = torch.eye(arguments["c_dim"])[[1, 0, 1]] if arguments["c_dim"] else None
    images = generator(latents(3), c)
    resolution = arguments["img_resolution"]
    assert images.shape == (3, arguments["img_channels"], resolution, resolution)
    assert images.dtype == torch.float32
    logits = discriminator(images, c)
    assert logits.shape == (3, 1)
    logits.sum().backward()
    for network in (generator, discriminator):
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


def test_radial_filters_spare_the_critically_sampled_layers():
    network = Generator(c_dim=0, img_channels=3, use_radial_filters=True, **SMALL).synthesis
    layers = [getattr(network, name) for name in network.layer_names]
    assert [layer.down_filter.ndim for layer in layers[:-1]] == [2, 2, 1, 1]
    assert layers[-1].down_filter is None


@pytest.mark.parametrize("c_dim", [0, 2])
def test_an_image_depends_on_its_own_latent_alone(c_dim):
    generator = Generator(c_dim=c_dim, img_channels=3, **SMALL).eval()
    z = latents(5) * torch.tensor([1, 10, 0.1, 1, 3])[:, None]
    c = torch.eye(2)[[0, 1, 0, 1, 1]] if c_dim else None
    with torch.no_grad():
        together = generator(z, c, truncation_psi=0.8)
        alone = torch.cat([generator(z[i : i + 1], None if c is None else c[i : i + 1], 0.8) for i in range(5)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-2


def test_truncation_and_running_means():
    generator = Generator(c_dim=0, img_channels=3, **SMALL)
    before = {key: value.clone() for key, value in generator.state_dict().items()}
    generator(latents(4))
    assert all(torch.equal(value, before[key]) for key, value in generator.state_dict().items())
    w = generator.mapping(latents(4), update_emas=True)[:, 0]
    torch.testing.assert_close(generator.mapping.w_avg, 0.002 * w.mean(dim=0))
    generator(latents(4), update_emas=True)
    changed = {key for key, value in generator.state_dict().items() if not torch.equal(value, before[key])}
    expected = {f"synthesis.{name}.magnitude_ema" for name in generator.synthesis.layer_names} | {"mapping.w_avg"}
    assert changed == expected
    mean = generator.mapping(latents(2), truncation_psi=0)
    torch.testing.assert_close(mean, generator.mapping.w_avg.expand_as(mean))
    cut = generator.mapping(latents(2), truncation_psi=0, truncation_cutoff=2)
    torch.testing.assert_close(cut[:, :2], mean[:, :2])
    torch.testing.assert_close(cut[:, 2:], generator.mapping(latents(2))[:, 2:])


def test_the_users_translation_moves_the_features():
    """The transform is the inverse one: a shift by one sample of the input grid moves its features by one sample."""
    layer = Generator(c_dim=0, img_channels=3, **SMALL).synthesis.input
    w = torch.zeros(1, 8)
    with torch.no_grad():
        features = layer(w)
        layer.transform[0, 2] = -1 / layer.sampling_rate
        moved = layer(w)
    torch.testing.assert_close(moved[..., 1:], features[..., :-1], atol=1e-5, rtol=1e-4)


def test_lowpass_filters_pass_constants_and_the_identity_is_none():
    taps = design_lowpass_filter(13, 4.0, 6.0, 32.0, radial=True)
    assert taps.sum().item() == pytest.approx(1)
    assert torch.equal(taps, taps.t())
    assert taps.argmax() == 13 * 6 + 6
    # two taps around zero weigh the same, whatever the cutoff
    assert design_lowpass_filter(2, 1.0, 2.0, 8.0).tolist() == [0.5, 0.5]
    assert design_lowpass_filter(1, 1.0, 2.0, 8.0) is None
    with pytest.raises(ValueError, match="cutoff between 0 and fs / 2 = 4.0"):
        design_lowpass_filter(6, 5.0, 2.0, 8.0)


def test_minibatch_deviation_sees_identical_images():
    discriminator = Discriminator(0, 16, 1, channel_max=8)
    same = torch.ones(4, 1, 16, 16)
    seen = discriminator.b4.mbstd(same[:, :, :4, :4])
    assert seen.shape == (4, 2, 4, 4)
    assert seen[:, 1].unique().tolist() == pytest.approx([1e-4], rel=1e-3)
    pair = torch.stack([torch.zeros(1, 4, 4), torch.full((1, 4, 4), 2.0)])
    assert discriminator.b4.mbstd(pair)[0, 1, 0, 0].item() == pytest.approx(math.sqrt(1 + 1e-8))
    assert discriminator(torch.ones(6, 1, 16, 16)).shape == (6, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"img_resolution": 48}, "power of two of at least 16, got 48"),
        ({"num_layers": 2}, "num_critical < num_layers, got num_critical=2, num_layers=2"),
        ({"margin_size": -1}, "margin_size of at least 0, got -1"),
        ({"conv_kernel": 2}, "odd conv_kernel, got 2"),
        ({"z_dim": 0}, "z_dim >= 1"),
        ({"img_channels": 0}, "img_channels of at least 1, got 0"),
        ({"mapping_layers": 0}, "mapping_layers=0"),
        ({"channel_base": 8}, "channel_base"),
    ],
)
def test_bad_generator_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        Generator(**(SMALL | {"c_dim": 0, "img_channels": 3} | change))


def test_bad_calls():
    generator = Generator(c_dim=2, img_channels=3, **SMALL)
    with pytest.raises(ValueError, match=r"classes c of shape \(B, 2\), got None"):
        generator(latents(2))
    with pytest.raises(ValueError, match=r"latents z of shape \(B, 8\), got shape \(2, 4\)"):
        generator(torch.zeros(2, 4), torch.eye(2))
    with pytest.raises(ValueError, match="power of two of at least 8, got 20"):
        Discriminator(0, 20, 3)
    with pytest.raises(ValueError, match=r"images of shape \(B, 3, 16, 16\), got \(1, 3, 32, 32\)"):
        Discriminator(0, 16, 3, channel_max=8)(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match="channel_base of at least"):
        Discriminator(0, 64, 3, channel_base=32)

"""Generator and discriminator against numbers of the public reference implementation."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ssgnet_monai.networks.stylegan3 import Discriminator, Generator
from ssgnet_monai.networks.stylegan3.filters import design_lowpass_filter

TOLERANCE = {"atol": 1e-5, "rtol": 1e-4}


@pytest.fixture(scope="module")
def fixture(parity):
    return parity("stylegan3_t_32.pt")


@pytest.fixture
def networks(fixture):
    config = fixture["config"]
    shared = {name: config[name] for name in ("c_dim", "img_resolution", "img_channels", "conv_clamp", "num_fp16_res")}
    names = (
        "z_dim",
        "w_dim",
        "channel_base",
        "channel_max",
        "num_layers",
        "conv_kernel",
        "use_radial_filters",
        "magnitude_ema_beta",
    )
    generator = Generator(
        **shared, **{name: config[name] for name in names}, mapping_layers=config["mapping_num_layers"]
    )
    discriminator = Discriminator(
        **shared, **{name: config["D"][name] for name in ("channel_base", "channel_max", "mbstd_group_size")}
    )
    generator.load_state_dict(fixture["G"])
    discriminator.load_state_dict(fixture["D"])
    return generator, discriminator


def assert_gradients(module, expected):
    named = dict(module.named_parameters())
    for name, numbers in expected.items():
        gradient = named[name].grad
        # a bias behind which everything is linear gets exactly no gradient from R1
        gradient = torch.zeros(1) if gradient is None else gradient.double()
        assert gradient.norm().item() == pytest.approx(numbers["norm"], rel=1e-3, abs=1e-8), name
        # sums cancel, so their rounding error is measured by the norm
        assert gradient.sum().item() == pytest.approx(numbers["sum"], abs=5e-3 * numbers["norm"] + 1e-8), name


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_forward(fixture, networks, mode, backend):
    generator, discriminator = networks
    generator.train(mode == "train")
    generator.synthesis.filter_backend = discriminator.filter_backend = backend
    z, c = fixture["z"], fixture["c"]
    outputs = {}
    for name in generator.synthesis.layer_names:
        getattr(generator.synthesis, name).register_forward_hook(
            lambda module, inputs, output, name=name: outputs.__setitem__(name, output)
        )
    with torch.no_grad():
        close = torch.testing.assert_close
        close(generator.mapping(z, c), fixture["ws"], **TOLERANCE)
        close(generator.mapping(z, c, truncation_psi=0.7), fixture["ws_psi0.7"], **TOLERANCE)
        cut = generator.mapping(z, c, truncation_psi=0.7, truncation_cutoff=4)
        close(cut, fixture["ws_psi0.7_cut4"], **TOLERANCE)
        close(generator.synthesis.input(fixture["ws"][:, 0]), fixture["input_features"], **TOLERANCE)
        close(generator(z, c), fixture["img"], **TOLERANCE)
        for name, stats in fixture["layer_stats"].items():
            x = outputs[name].double()
            assert x.mean().item() == pytest.approx(stats["mean"], rel=1e-4, abs=1e-5)
            assert x.std().item() == pytest.approx(stats["std"], rel=1e-4)
            assert x.abs().sum().item() == pytest.approx(stats["sum_abs"], rel=1e-4)
            close(outputs[name][0, :2, :3, :3], stats["corner"], **TOLERANCE)
        close(generator(z, c, truncation_psi=0.7), fixture["img_psi0.7"], **TOLERANCE)
        close(discriminator(fixture["real"], c), fixture["D_real"], **TOLERANCE)
        close(discriminator(fixture["img"], c), fixture["D_fake"], **TOLERANCE)
        generator.synthesis.input.transform.copy_(fixture["transform_inv"])
        close(generator(z, c), fixture["img_transform"], **TOLERANCE)


def test_layer_geometry(fixture, networks):
    generator, _ = networks
    for expected, name in zip(fixture["G_layers"], generator.synthesis.layer_names, strict=True):
        layer = getattr(generator.synthesis, name)
        assert name == expected["name"]
        assert list(layer.in_size) == expected["in_size"]
        assert list(layer.out_size) == expected["out_size"]
        assert (layer.up_factor, layer.down_factor) == (expected["up"], expected["down"])
        assert (layer.up_taps, layer.down_taps) == (expected["up_taps"], expected["down_taps"])
        assert list(layer.padding) == expected["padding"]
        assert (layer.in_sampling_rate, layer.out_sampling_rate) == (expected["in_rate"], expected["out_rate"])
        assert layer.tmp_sampling_rate == expected["tmp_rate"]
        assert layer.in_cutoff == pytest.approx(expected["in_cutoff"])
        assert layer.out_cutoff == pytest.approx(expected["out_cutoff"])
        assert layer.in_half_width == pytest.approx(expected["in_half_width"])
        assert layer.out_half_width == pytest.approx(expected["out_half_width"])
        assert layer.is_critically_sampled == expected["critically_sampled"]
        assert (layer.is_torgb, layer.down_radial) == (expected["torgb"], expected["radial"])
        assert (layer.in_channels, layer.out_channels) == (expected["in_ch"], expected["out_ch"])


def test_designed_filters_equal_those_of_the_checkpoint(fixture):
    config = fixture["config"]
    fresh = Generator(
        z_dim=8,
        c_dim=0,
        w_dim=8,
        img_resolution=32,
        img_channels=3,
        channel_base=2048,
        channel_max=32,
        num_layers=config["num_layers"],
    )
    for key, value in fresh.state_dict().items():
        if key.endswith("_filter"):
            torch.testing.assert_close(value, fixture["G"][key], atol=1e-7, rtol=1e-5)


def test_running_means_after_one_update(fixture, networks):
    generator, _ = networks
    with torch.no_grad():
        generator(fixture["z"], fixture["c"], update_emas=True)
    state = generator.state_dict()
    for key, expected in fixture["after_update_emas"].items():
        torch.testing.assert_close(state[key], expected, **TOLERANCE)


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_gradients_of_both_losses(fixture, networks, backend):
    generator, discriminator = networks
    generator.synthesis.filter_backend = discriminator.filter_backend = backend
    z, c, real = fixture["z"], fixture["c"], fixture["real"]
    loss = F.softplus(-discriminator(generator(z, c), c)).mean()
    assert loss.item() == pytest.approx(fixture["Gmain"]["loss"], rel=1e-4)
    loss.backward()
    assert_gradients(generator, fixture["Gmain"]["grads"])

    discriminator.zero_grad(set_to_none=True)
    fake = generator(z, c).detach()
    loss = F.softplus(discriminator(fake, c)).mean() + F.softplus(-discriminator(real, c)).mean()
    assert loss.item() == pytest.approx(fixture["Dmain"]["loss"], rel=1e-4)
    loss.backward()
    assert_gradients(discriminator, fixture["Dmain"]["grads"])


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_r1(fixture, networks, backend):
    from ssgnet_monai.losses import r1_penalty

    _, discriminator = networks
    discriminator.filter_backend = backend
    expected = fixture["R1"]
    real = fixture["real"].clone().requires_grad_()
    logits = discriminator(real, fixture["c"])
    torch.testing.assert_close(logits, expected["logits"], **TOLERANCE)
    (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    torch.testing.assert_close(gradient, expected["grad_img"], **TOLERANCE)
    penalty = r1_penalty(logits, real)
    torch.testing.assert_close(penalty, expected["penalty"], atol=1e-7, rtol=1e-3)
    (expected["gamma"] / 2 * penalty.mean()).backward()
    assert_gradients(discriminator, expected["grads"])


@pytest.mark.parametrize("name", ["t256", "t512", "t1024", "r256", "r512", "r1024"])
def test_official_configurations(parity, name):
    expected = parity("stylegan3_full_specs.pt")[name]
    resolution = int(name[1:])
    radial = {"conv_kernel": 1, "use_radial_filters": True, "channel_base": 65536, "channel_max": 1024}
    with torch.device("meta"):
        generator = Generator(512, 0, 512, resolution, 3, **(radial if name[0] == "r" else {}))
        discriminator = Discriminator(0, resolution, 3)
    for network, letter in ((generator, "G"), (discriminator, "D")):
        shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
        assert shapes == {key: tuple(shape) for key, shape in expected[f"{letter}_shapes"].items()}
        assert sum(p.numel() for p in network.parameters()) == expected[f"{letter}_params"]
    assert generator.synthesis.layer_names == list(expected["filters"])
    for layer_name, layer_expected in expected["filters"].items():
        layer = getattr(generator.synthesis, layer_name)
        assert list(layer.padding) == list(layer_expected["padding"])
        assert (layer.up_factor, layer.down_factor) == (layer_expected["up_factor"], layer_expected["down_factor"])
        for taps, reference in ((layer.up_filter, "up"), (layer.down_filter, "down")):
            if layer_expected[reference] is None:
                assert taps is None
            else:
                torch.testing.assert_close(taps, layer_expected[reference], atol=1e-7, rtol=1e-5)


def test_lowpass_design(parity):
    for case in parity("stylegan3_lowpass.pt"):
        taps = design_lowpass_filter(*(case[name] for name in ("numtaps", "cutoff", "width", "fs", "radial")))
        if case["taps"] is None:
            assert taps is None
        else:
            torch.testing.assert_close(taps, case["taps"], atol=1e-7, rtol=1e-5)

"""VM-UNet: parity, state-dict keys, initialisation, sizes, stochastic depth, encoder weights."""

import math

import pytest
import torch

from ssgnet_monai.networks import VMUNet
from ssgnet_monai.networks.convert import load_vmamba
from ssgnet_monai.networks.patch_layers import FinalPatchExpand2D, PatchEmbed2D, PatchExpand2D, PatchMerging2D
from ssgnet_monai.networks.vmunet import VSSM
from ssgnet_monai.networks.vss_block import SS2D, DropPath, VSSBlock

SMALL = {"dims": (16, 32, 64, 128), "depths": (1, 1, 1, 1), "depths_decoder": (1, 1, 1, 1), "d_state": 4}


def _module(name, state):
    """Build the module that a fixture's name and shapes describe."""
    if name.startswith("SS2D"):
        return SS2D(state["in_proj.weight"].shape[1], d_state=state["A_logs"].shape[1])
    if name.startswith("VSSBlock"):
        return VSSBlock(state["ln_1.weight"].shape[0], d_state=state["self_attention.A_logs"].shape[1])
    if name.startswith("PatchEmbed2D"):
        features, channels, patch, _ = state["proj.weight"].shape
        return PatchEmbed2D(patch, channels, features)
    if name.startswith("PatchMerging2D"):
        return PatchMerging2D(state["norm.weight"].shape[0] // 4)
    kind = FinalPatchExpand2D if name.startswith("Final") else PatchExpand2D
    return kind(state["expand.weight"].shape[1])


def test_modules_parity(parity):
    for name, case in parity("vmunet_modules.pt").items():
        module = _module(name, case["state"])
        module.load_state_dict(case["state"])
        x = case["x"].clone().requires_grad_()
        y = module(x)
        (y * case["dy"]).sum().backward()
        torch.testing.assert_close(y, case["y"], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(x.grad, case["dx"], atol=1e-5, rtol=1e-4)
        norms = {key: value.grad.norm().item() for key, value in module.named_parameters()}
        assert norms == pytest.approx(case["param_grad_norms"], rel=1e-3)


def test_network_parity(parity):
    for case in parity("vmunet_small.pt").values():
        options = {key: value for key, value in case["kwargs"].items() if key != "dims_decoder"}
        network = VMUNet(num_classes=case["num_classes"], drop_path_rate=0, **options)
        network.load_state_dict({f"vmunet.{key}": value.float() for key, value in case["state_fp16"].items()})
        x = case["x"].float()
        logits = network(x)
        bottleneck, skips = network.vmunet.forward_features(x)
        # The last LayerNorm spans few channels: where they are nearly equal it magnifies float32 rounding of either
        # side beyond the tolerance, so probabilities are compared as users see them, and the logits in the mean.
        torch.testing.assert_close(logits.sigmoid(), case["logits"].sigmoid(), atol=1e-5, rtol=1e-4)
        assert (logits - case["logits"]).square().mean().sqrt() < 1e-5
        torch.testing.assert_close(bottleneck, case["bottleneck"], atol=1e-5, rtol=1e-4)
        for skip, summary in zip(skips, case["skips"], strict=True):
            assert skip.shape == summary["shape"]
            values = skip.flatten()[summary["idx"]].double()
            torch.testing.assert_close(values, summary["vals"], atol=1e-5, rtol=1e-4)
        logits.sigmoid().mean().backward()
        norms = {key: value.grad.norm().item() for key, value in network.vmunet.named_parameters()}
        assert norms == pytest.approx(case["grad_norms_of_mean_sigmoid"], rel=1e-3)


def test_paper_size_has_the_published_number_of_parameters():
    network = VMUNet()
    assert sum(p.numel() for p in network.parameters()) == 27_427_561
    assert network.state_dict()["vmunet.layers_up.3.upsample.expand.weight"].shape == (384, 192)


@pytest.mark.parametrize(("inner", "rank", "x_std", "dt_std"), [(192, 6, 0.0415, 0.235), (384, 12, 0.0294, 0.166)])
def test_initial_statistics_of_the_scan(inner, rank, x_std, dt_std):
    torch.manual_seed(0)
    module = SS2D(inner // 2)
    assert module.dt_rank == rank
    assert module.x_proj_weight.std().item() == pytest.approx(x_std, rel=0.03)
    assert module.x_proj_weight.mean().item() == pytest.approx(0, abs=0.002)
    assert module.dt_projs_weight.std().item() == pytest.approx(dt_std, rel=0.03)
    assert module.dt_projs_weight.abs().max() <= rank**-0.5
    bias = module.dt_projs_bias
    assert (bias.mean().item(), bias.std().item()) == (pytest.approx(-4.5, abs=0.15), pytest.approx(1.4, abs=0.15))
    assert bias.min() >= -6.91
    assert bias.max() <= -2.25
    steps = torch.nn.functional.softplus(bias)
    assert steps.min() >= 0.999e-3
    assert steps.max() <= 0.1001
    torch.testing.assert_close(module.A_logs[5].exp(), torch.arange(1.0, 17))
    assert (module.Ds == 1).all()


def test_initial_statistics_of_the_other_layers():
    torch.manual_seed(0)
    network = VMUNet(**SMALL)
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Linear):
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.12), name
            assert module.bias is None
        elif isinstance(module, torch.nn.LayerNorm):
            assert (module.weight == 1).all(), name
            assert (module.bias == 0).all(), name
            assert module.eps == 1e-5, name
        elif isinstance(module, torch.nn.Conv2d):
            bound = (module.in_channels // module.groups * math.prod(module.kernel_size)) ** -0.5
            assert 0.6 * bound < module.weight.abs().max() <= bound, name
    x_proj = network.vmunet.layers[2].blocks[0].self_attention.x_proj_weight
    assert x_proj.std().item() == pytest.approx((3 * 128) ** -0.5, rel=0.03)  # not .02: the linear rule passes it by


def test_stochastic_depth_grows_with_depth_and_is_reversed_in_the_decoder():
    network = VSSM(dims=(16, 32, 64, 128), depths=(2, 1, 1, 1), depths_decoder=(1, 1, 1, 2), drop_path_rate=0.2)
    rates = [m.rate for m in network.layers.modules() if isinstance(m, DropPath)]
    rates_up = [m.rate for m in network.layers_up.modules() if isinstance(m, DropPath)]
    assert rates == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])
    assert rates_up == pytest.approx([0.2, 0.15, 0.1, 0.05, 0])


def test_drop_path_follows_torch_generator_and_keeps_the_mean():
    layer, x = DropPath(0.25), torch.ones(4000, 2, 2)
    torch.manual_seed(7)
    first = layer(x)
    torch.manual_seed(7)
    torch.testing.assert_close(layer(x), first, rtol=0, atol=0)
    assert first.unique().tolist() == pytest.approx([0, 4 / 3])
    assert first.mean().item() == pytest.approx(1, abs=0.05)
    assert (first == first[:, :1, :1]).all()  # whole samples
    assert layer.eval()(x) is x


def test_grey_images_are_repeated():
    network = VMUNet(**SMALL).eval()
    grey = torch.randn(1, 1, 32, 64)
    with torch.no_grad():
        torch.testing.assert_close(network(grey), network(grey.repeat(1, 3, 1, 1)))
    assert VMUNet(input_channels=1, **SMALL)(grey).shape == (1, 1, 32, 64)


@pytest.mark.parametrize("backend", ["chunked", "reference"])
def test_scan_backends_agree(backend):
    torch.manual_seed(0)
    network = VMUNet(scan_backend=backend, **SMALL).double().eval()
    automatic = VMUNet(**SMALL).double().eval()
    automatic.load_state_dict(network.state_dict())
    x = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    torch.testing.assert_close(network(x), automatic(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 100, 70), "multiples of 32, got 100x70. The nearest valid size is 96x64"),
        ((1, 3, 32, 9), "nearest valid size is 32x32"),
        ((1, 2, 32, 32), r"Expected images of shape \(B, 3, H, W\) or \(B, 1, H, W\), got \(1, 2, 32, 32\)"),
        ((3, 32, 32), "Expected images of shape"),
    ],
)
def test_wrong_sizes_are_named(shape, message):
    with pytest.raises(ValueError, match=message):
        VMUNet(**SMALL)(torch.zeros(shape))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dims": (16, 32, 64, 100)}, "Expected 4 dims, each twice the one before"),
        ({"depths": (1, 1, 1)}, "Expected 4 depths of at least 1 block"),
        ({"drop_path_rate": 1.0}, r"Expected a drop-path rate in \[0, 1\), got 1.0"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        VMUNet(**{**SMALL, **options})


def test_encoder_weights_also_initialise_the_decoder(tmp_path):
    torch.manual_seed(1)
    depths = {"depths": (2, 2, 1, 1), "depths_decoder": (1, 1, 2, 1)}
    source = VMUNet(**{**SMALL, **depths})
    weights = {k: v for k, v in source.vmunet.state_dict().items() if k.startswith(("patch_embed", "layers."))}
    weights["head.weight"] = torch.zeros(10, 128)
    network = VMUNet(**{**SMALL, **depths})
    before = {key: value.clone() for key, value in network.state_dict().items()}
    torch.save({"model": weights}, tmp_path / "vmamba.pth")
    report = load_vmamba(network, tmp_path / "vmamba.pth")
    assert report["unused"] == ["head.weight"]
    assert set(report["encoder"]) == set(weights) - {"head.weight"}
    encoder, decoder = network.vmunet.layers, network.vmunet.layers_up
    for i in range(4):
        for block, twin in zip(decoder[3 - i].blocks, encoder[i].blocks, strict=False):
            for key, value in block.state_dict().items():
                torch.testing.assert_close(value, twin.state_dict()[key], rtol=0, atol=0)
    after = network.state_dict()
    untouched = [key for key in after if "final" in key or "upsample" in key]
    assert len(untouched) == 14
    assert all(torch.equal(after[key], before[key]) for key in untouched)


def test_encoder_weights_of_another_network_are_refused(tmp_path):
    def load(state):
        torch.save(state, tmp_path / "other.pth")
        VMUNet(**SMALL).load_pretrained(tmp_path / "other.pth")

    with pytest.raises(ValueError, match=r"names such as .'conv1.weight'"):
        load({"conv1.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"layers.0.blocks.0.self_attention.x_proj_weight of shape \(4, 17, 32\)"):
        load(VMUNet(**{**SMALL, "d_state": 8}).vmunet.state_dict())
    with pytest.raises(FileNotFoundError, match=r"VMamba classifier at .*none.pth, found no file"):
        VMUNet(**SMALL).load_pretrained(tmp_path / "none.pth")


def test_traced_network_gives_the_same_logits(tmp_path):
    torch.manual_seed(0)
    network = VMUNet(**SMALL).eval()
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        torch.jit.trace(network, x).save(str(tmp_path / "model.ts"))
        torch.testing.assert_close(torch.jit.load(str(tmp_path / "model.ts"))(x), network(x), rtol=1e-4, atol=1e-5)

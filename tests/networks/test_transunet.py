"""TransUNet: parity, published size, sizes that do not fit, the official file of weights."""

import math
import zlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssgnet_monai.networks import TransUNet
from ssgnet_monai.networks.convert import load_vit_npz

SMALL = {
    "img_size": 32, "hidden_size": 96, "mlp_dim": 192, "num_heads": 4, "num_layers": 2, "resnet_units": (1, 1, 1),
    "width_factor": 0.5, "decoder_channels": (48, 32, 16, 16), "skip_channels": (256, 128, 32, 0),
}  # fmt: skip


def _small(**changes):
    return TransUNet(**{**SMALL, **changes})


def _of_fixture(config, **changes):
    names = {"n_classes": "num_classes", "hidden": "hidden_size", "mlp": "mlp_dim", "heads": "num_heads"}
    names |= {"layers": "num_layers", "units": "resnet_units"}
    known = {names.get(key, key): value for key, value in config.items() if key not in ("grid", "head_channels")}
    return _small(**known, **changes)


def _filled(shapes, seed):
    """Weights by the fixtures' rule."""
    state = {}
    for key, shape in shapes.items():
        generator = torch.Generator().manual_seed(seed * 1000003 % 2**31 + zlib.crc32(key.encode()) % 2**31)
        noise = torch.randn(tuple(shape), generator=generator)
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(0)
            continue
        if key.endswith("running_var"):
            noise = 0.5 + noise.abs()
        elif key.endswith("position_embeddings"):
            noise = 0.02 * noise
        elif noise.ndim >= 2:
            noise = noise / math.sqrt(noise.numel() / noise.shape[0])
        else:
            noise = 1 + 0.1 * noise if key.endswith("weight") else 0.1 * noise
        state[key] = noise.half().float()
    return state


@pytest.mark.parametrize("name", ["small64", "small96_units212"])
def test_parity(parity, name):
    case = parity("transunet_small.pt")[name]
    config, image = case["config"], case["x"].float()
    network = _of_fixture(config).eval()
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == dict(case["shapes"])
    network.load_state_dict(_filled(case["shapes"], case["fill_seed"]))
    logits = network(image)
    torch.testing.assert_close(logits, case["logits"], atol=1e-5, rtol=1e-4)
    tokens, skips = network.transformer(image)
    torch.testing.assert_close(tokens, case["encoded"], atol=1e-5, rtol=1e-4)
    for skip, summary in zip(skips, case["feature_summaries"], strict=True):
        assert tuple(skip.shape) == summary["shape"]
        torch.testing.assert_close(skip.double().flatten()[summary["idx"]], summary["vals"], atol=1e-5, rtol=1e-4)
    side = config["img_size"]
    target = torch.randint(
        0, config["n_classes"], (2, side, side), generator=torch.Generator().manual_seed(case["target_seed"])
    )
    loss = F.cross_entropy(logits, target)
    assert loss.item() == pytest.approx(case["ce"], rel=1e-5)
    loss.backward()
    norms = {key: parameter.grad.norm().item() for key, parameter in network.named_parameters()}
    assert norms == pytest.approx(case["grad_norms"], rel=1e-3, abs=1e-9)

    grey = _of_fixture(config, in_channels=1).eval()
    grey.load_state_dict(network.state_dict())
    torch.testing.assert_close(grey(image[:, :1]), case["logits_gray"], atol=1e-5, rtol=1e-4)

    training = _of_fixture(config, dropout=0.0).train()
    training.load_state_dict(network.state_dict())
    torch.testing.assert_close(training(image), case["logits_train_nodropout"], atol=1e-4, rtol=1e-3)
    for key, value in case["bn_after"].items():
        torch.testing.assert_close(training.state_dict()[key], value, atol=1e-5, rtol=1e-4)


def test_the_published_size():
    with torch.device("meta"):
        network = TransUNet()
    assert sum(parameter.numel() for parameter in network.parameters()) == 105_276_066


@pytest.mark.parametrize("size", [(32, 48), 224])
def test_output_has_the_size_of_the_image(size):
    height, width = (size, size) if isinstance(size, int) else size
    network = _small(img_size=size, num_classes=5).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, height, width)).shape == (1, 5, height, width)


def test_fewer_skips_are_not_read():
    network = _small(n_skip=1).eval()
    assert network.decoder.blocks[1].conv1[0].in_channels == 48
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 2, 32, 32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"img_size": 40}, "multiples of 16, got 40 x 40"),
        ({"in_channels": 4}, "in_channels 1 .* or 3, got 4"),
        ({"num_heads": 5}, "multiple of num_heads, got 96 and 5"),
        ({"width_factor": 0.3}, "width_factor"),
        ({"skip_channels": (512, 256, 64, 0)}, r"begin with \(256, 128, 32\)"),
        ({"n_skip": 4}, "n_skip from 0 to 3"),
    ],
)
def test_sizes_that_do_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        _small(**changes)


def test_an_image_of_another_size():
    with pytest.raises(ValueError, match=r"Expected images \(B, 3, 32, 32\), got \(1, 3, 64, 64\).*img_size"):
        _small()(torch.zeros(1, 3, 64, 64))


@pytest.fixture
def official(parity, tmp_path):
    """The fixture, and its arrays as a file."""
    case = parity("transunet_npz.pt")
    path = tmp_path / "weights.npz"
    np.savez(path, **{key: value.float().numpy() for key, value in case["npz_fp16"].items()})
    return case, path


def test_official_weights(official):
    case, path = official
    network = _of_fixture(case["config"], pretrained=path)
    state = network.state_dict()
    torch.testing.assert_close(
        state["transformer.embeddings.position_embeddings"], case["position_embeddings"], atol=1e-6, rtol=1e-5
    )
    assert set(case["state_summary"]) == {key for key in state if key.startswith("transformer.")}
    for key, summary in case["state_summary"].items():
        torch.testing.assert_close(state[key].double().flatten()[summary["idx"]], summary["vals"], atol=1e-6, rtol=0)


def test_official_weights_that_are_missing_short_or_of_another_size(official, tmp_path):
    case, path = official
    with pytest.raises(FileNotFoundError, match=r"Expected the weights R50\+ViT-B_16.npz at .*pretrained to null"):
        _of_fixture(case["config"], pretrained=tmp_path / "none.npz")
    arrays = dict(np.load(path))
    del arrays["block2/unit1/conv2/kernel"]
    np.savez(tmp_path / "short.npz", **arrays)
    with pytest.raises(ValueError, match="1 are missing, such as block2/unit1/conv2/kernel"):
        _of_fixture(case["config"], pretrained=tmp_path / "short.npz")
    (tmp_path / "cut.npz").write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match="Expected a whole .npz archive at .*cut.npz"):
        _of_fixture(case["config"], pretrained=tmp_path / "cut.npz")
    with pytest.raises(ValueError, match="network's sizes are not those of the file"):
        load_vit_npz(_of_fixture({**case["config"], "mlp": 96}), path)

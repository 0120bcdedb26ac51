"""The benchmark runs at a small size and counts the layers that are there."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

from ssgnet_monai.networks import TransUNet

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "benchmark_transunet.py"


@pytest.fixture
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_transunet", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_layers_are_plain_and_all_there(benchmark):
    network = TransUNet(
        32, hidden_size=96, mlp_dim=96, num_heads=4, num_layers=2, resnet_units=(1, 1, 1), width_factor=0.5,
        decoder_channels=(16, 16, 8, 8), skip_channels=(256, 128, 32, 0),
    ).eval()  # fmt: skip
    with torch.inference_mode():
        layers = benchmark.plain_layers(network, torch.randn(1, 3, 32, 32))
    counts = {kind: len(calls) for kind, calls in layers.items()}
    assert counts == {"Conv2d": 24, "GroupNorm": 13, "LayerNorm": 5, "Linear": 12, "attention": 2, "BatchNorm2d": 9}
    assert all(type(module).__name__ != "StdConv2d" for module in map(benchmark._plain, network.modules()))


def test_the_ratio_is_whole_by_layers(benchmark, tmp_path):
    threads = torch.get_num_threads()
    record = benchmark.main(["--output", str(tmp_path / "r.json"), "--size", "32", "--repeats", "1"])
    torch.set_num_threads(threads)
    assert record["ratio"] == pytest.approx(record["whole_s"] / sum(record["layers"].values()))
    assert json.loads((tmp_path / "r.json").read_text())["size"] == 32

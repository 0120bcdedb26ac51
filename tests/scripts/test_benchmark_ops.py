"""The benchmark runs from end to end at small sizes and reports what it promises."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "benchmark_ops.py"


@pytest.fixture
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_ops", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_small_run_writes_ratios_and_errors(benchmark, tmp_path, caplog):
    output = tmp_path / "benchmark.json"
    threads = str(torch.get_num_threads())
    sizes = ["--length", "128", "--batch", "2", "--repeats", "1", "--threads", threads]
    with caplog.at_level("INFO"):
        benchmark.main(["--output", str(output), "--only", "selective_scan", "stylegan3_step", *sizes])
    record = json.loads(output.read_text())
    assert set(record) == {"torch", "threads", "selective_scan", "stylegan3_step"}
    for name in ("selective_scan", "stylegan3_step"):
        result = record[name]
        assert result["ratio"] == pytest.approx(result["reference_s"] / result["fast_s"])
    assert record["selective_scan"]["notes"]["error_float32"] < 1e-5
    assert record["selective_scan"]["notes"]["error_float64"] < 1e-12
    kimg = record["stylegan3_step"]["notes"]["kimg_per_hour"]
    assert kimg == pytest.approx(3.6 * 2 / record["stylegan3_step"]["fast_s"])


def test_augmentation_is_compared_with_transforms_of_single_images(benchmark):
    threads = str(torch.get_num_threads())
    result = benchmark.main(["--only", "augmentation", "--repeats", "1", "--threads", threads])["augmentation"]
    assert set(result["notes"]) == {"plain_ms", "strong_ms", "unet_step_ms"}
    assert result["notes"]["strong_ms"] == pytest.approx(1000 * result["fast_s"])
    assert result["ratio"] > 1


def test_unknown_benchmark_is_named(benchmark, capsys):
    with pytest.raises(SystemExit):
        benchmark.main(["--only", "sorting"])
    assert "invalid choice: 'sorting'" in capsys.readouterr().err

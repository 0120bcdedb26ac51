"""The measurement of a large volume, on a small one."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from ssgnet_monai.data import load_datalist

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "large_volume.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("large_volume", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_small_one_is_prepared_trained_on_and_segmented_and_its_memory_told(script, tmp_path):
    words = ["--shape", "40", "40", "24", "--patch", "16", "--output", str(tmp_path / "found.json")]
    found = script.main(["--folder", str(tmp_path), *words])
    assert found == json.loads((tmp_path / "found.json").read_text())
    assert len(list((tmp_path / "found").glob("*.nii.gz"))) == 3
    assert found["shape"] == [40, 40, 24]
    assert all(0.1 < found[step]["peak_gb"] < 3 for step in ("prepare", "train", "segment"))
    datalist = load_datalist(tmp_path / "data")
    assert [len(datalist[part]) for part in ("training", "validation", "test")] == [1, 1, 1]
    assert len(datalist["labels"]) == 3


def test_the_peak_is_that_of_the_command(script):
    words = [sys.executable, "-c", "import numpy, time; a = numpy.ones(100_000_000, numpy.uint8); time.sleep(0.3)"]
    assert 0.1 < script.measured("a hundred megabytes", words)["peak_gb"] < 0.3
    with pytest.raises(SystemExit, match="a failure ended with 3"):
        script.measured("a failure", [sys.executable, "-c", "raise SystemExit(3)"])

"""The benchmark's two stages run from end to end on few images, killed and begun again."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "benchmark_scale.py"


@pytest.fixture
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_scale", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_sixty_images_are_prepared_and_labelled(benchmark, tmp_path):
    output = tmp_path / "scale.json"
    words = ["--folder", str(tmp_path / "scale"), "--output", str(output), "--images", "60", "--size", "32"]
    benchmark.main([*words, "--batch", "8", "--interrupt"])
    record = json.loads(output.read_text())
    assert record["prepare"]["masks"] == 60
    training = json.loads((tmp_path / "scale" / "data" / "datalist.json").read_text())["training"]
    assert record["label"]["masks"] == len(training) - 4 > 50
    for stage in ("prepare", "label"):
        assert 50 < record[stage]["peak_mb"] >= max(record[stage]["rss_mb"])
        done = record[stage]["masks"] - record[stage]["kept"]
        assert record[stage]["images_per_s"] == pytest.approx(done / record[stage]["seconds"])
    found = json.loads((tmp_path / "scale" / "data" / "prepare.json").read_text())
    assert found["images"]["near_duplicates"] == 0


def test_the_peak_is_that_of_the_whole_tree(benchmark):
    child = "import time; data = bytearray(120 * 2**20); time.sleep(1)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    assert benchmark.run([sys.executable, "-c", parent])["peak_mb"] > 120


def test_a_failing_command_shows_its_end(benchmark):
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        benchmark.run([sys.executable, "-c", "1 / 0"])


def test_drawn_jpegs_have_their_own_size(benchmark, tmp_path):
    benchmark.draw_images(tmp_path, 1, 48, jpeg=True)
    with Image.open(tmp_path / "images/case000000.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (48, 48))


def test_drawn_masks_fit_their_images(benchmark, tmp_path):
    benchmark.draw_images(tmp_path, 2, 48)
    for index in range(2):
        image, mask = (np.asarray(Image.open(tmp_path / kind / f"case{index:06d}.png")) for kind in ("images", "masks"))
        assert (image[mask > 0] == (180, 90, 60)).all()
        assert 0.02 < (mask > 0).mean() < 0.5

"""A pool is screened once, and goes on with what stayed."""

import json

import pytest
import torch

from ssgnet_monai.engines import SyntheticScreen, synthetic_screen
from ssgnet_monai.metrics.feature_extractor import FeatureExtractor

BRIGHTNESS = {"a": 10, "b": 20, "c": 40, "copy": 40, "new": 55, "far": 200}  # of 255; nearest real ones: 10, 10, 20


@pytest.fixture
def screen(tmp_path, monkeypatch):
    read = []

    def features(images, *_, **__):
        return FeatureExtractor("brightness", "0" * 64, "none", lambda rgb: 255 * rgb.mean((1, 2, 3))[:, None])

    def load(item):
        name = item["image"].rpartition("/")[2]
        read.append(name)
        return {"image": torch.full((1, 4, 4), BRIGHTNESS[name] / 255)}

    def build(quantiles=(0.0, 1.0)):
        real = [{"image": str(tmp_path / name), "label": "mask"} for name in "abc"]
        return SyntheticScreen(quantiles, real, load, tmp_path / "pseudo_labels")

    monkeypatch.setattr(synthetic_screen, "load_or_train_features", features)
    build.read = read
    build.pool = [{"image": str(tmp_path / name), "origin": "synthetic"} for name in ("copy", "new", "far")]
    build.pool.append({"image": str(tmp_path / "real"), "origin": "real"})
    return build


def test_copies_and_unlike_images_are_left_out_and_named(screen, tmp_path):
    kept, record = screen()(screen.pool)
    assert kept == [screen.pool[1], screen.pool[3]]
    assert record == {
        "kept": 1, "copies": 1, "unlike": 1, "distances": pytest.approx([10, 20], abs=1e-4), "features": "brightness",
    }  # fmt: skip
    content = json.loads((tmp_path / "pseudo_labels" / "screen.json").read_text())
    assert content["left_out"] == {"../copy": "copy", "../far": "unlike"}


def test_a_resumed_run_reads_what_was_found(screen):
    first = screen()(screen.pool)
    screen.read.clear()
    assert screen()(screen.pool) == first
    assert screen.read == []


def test_nothing_is_read_where_nothing_is_asked(screen):
    assert screen(None)(screen.pool) == (screen.pool, {})
    assert screen()(screen.pool[3:]) == (screen.pool[3:], {})
    assert screen.read == []


def test_a_pool_of_which_nothing_is_left_is_refused(screen):
    with pytest.raises(ValueError, match="got none within the quantiles.*'copies': 1, 'unlike': 1"):
        screen()([screen.pool[0], screen.pool[2]])

"""Classifiers compared image by image: read from their tables, paired by seed, drawn by patient."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ssgnet_monai.engines.class_probabilities import write_scored_images
from ssgnet_monai.metrics import paired_bootstrap
from ssgnet_monai.pipeline.layout import StageFolder
from ssgnet_monai.report.class_answers import compare_answers, intervals_of, read_class_answers

LABELS = torch.tensor([0, 1] * 6)
IMAGES = [f"{number}.png" for number in range(12)]


def stage(folder: Path, seed: int, wrong: list[int], images: list[str] = IMAGES) -> StageFolder:
    """A seed that errs on some images."""
    place = folder / f"seed{seed}"
    place.mkdir(parents=True)
    second = LABELS.double() * 0.6 + 0.2
    second[wrong] = 1 - second[wrong]
    write_scored_images(place / "per_image.csv", images, LABELS, torch.stack([1 - second, second], 1), ["a", "b"])
    (place / "metrics.json").touch()
    return StageFolder(place)


def right(wrong: list[int]) -> list[float]:
    return [float(number not in wrong) for number in range(12)]


def test_accuracy_has_the_interval_of_the_segmenters_bootstrap(tmp_path: Path) -> None:
    ours, others = ([1], [2, 3], []), ([1, 2, 4], [2, 3, 5, 6], [7])
    groups = {name: f"patient {number // 3}" for number, name in enumerate(IMAGES)}
    a = read_class_answers([stage(tmp_path / "a", seed, wrong) for seed, wrong in enumerate(ours)], groups)
    b = read_class_answers([stage(tmp_path / "b", seed, wrong) for seed, wrong in enumerate(others)], groups)
    found = compare_answers(a, b)["accuracy"]
    scores = [torch.tensor([right(wrong) for wrong in of], dtype=torch.float64) for of in (ours, others)]
    expected = paired_bootstrap(*scores, seed=0, groups=[groups[name] for name in IMAGES])
    assert found["difference"] == pytest.approx(5 / 36)
    assert found["ci95"] == pytest.approx(expected["ci95"])
    assert found["detectable"] == pytest.approx(expected["detectable"])
    assert intervals_of(a)["accuracy"]["difference"] == pytest.approx(11 / 12)


def test_seeds_are_paired_and_a_setting_without_tables_is_not_compared(tmp_path: Path) -> None:
    ours = read_class_answers([stage(tmp_path / "a", seed, [seed]) for seed in (0, 1, 2)], {})
    other = read_class_answers([stage(tmp_path / "b", 2, [2, 3])], {})
    assert compare_answers(ours, other)["accuracy"]["difference"] == pytest.approx(1 / 12)
    bare = stage(tmp_path / "c", 0, [])
    bare.per_image.unlink()
    assert read_class_answers([bare], {}) is None
    assert compare_answers(ours, None) == intervals_of(None) == {}


def test_other_test_images_are_refused(tmp_path: Path) -> None:
    ours = read_class_answers([stage(tmp_path / "a", 0, [])], {})
    other = read_class_answers([stage(tmp_path / "b", 0, [], [*IMAGES[:-1], "other.png"])], {})
    with pytest.raises(ValueError, match="the same test images in the same order"):
        compare_answers(ours, other)

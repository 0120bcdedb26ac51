"""What a classifier answered on each test image, seed by seed, and what two settings differ by on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ssgnet_monai.engines.class_probabilities import read_answers, read_scored_images
from ssgnet_monai.metrics.bootstrap import interval_over_seeds
from ssgnet_monai.metrics.classification import resampled_class_scores
from ssgnet_monai.pipeline.layout import StageFolder


@dataclass(frozen=True)
class ClassAnswers:
    """Of one setting: the ``images`` in order, their classes (images,), its ``seeds``, and score -> what
    ``resampled_class_scores`` gives of them."""

    images: list[str]
    labels: torch.Tensor
    seeds: list[int]
    scores: dict[str, torch.Tensor]


def read_class_answers(stages: Sequence[StageFolder], groups: Mapping[str, str]) -> ClassAnswers | None:
    """Read the ``per_image.csv`` of a setting's evaluated seeds.

    Args:
        stages: the seeds.
        groups: image -> patient; an image that is not there is a group of its own.

    Returns:
        The answers; ``None`` where none is evaluated or one has no such file.

    Raises:
        ValueError: a file is damaged, or of other images than that of the first seed.
    """
    tables = {stage.seed: stage.per_image for stage in stages if stage.metrics.is_file()}
    if not tables or not all(table.is_file() for table in tables.values()):
        return None
    first = next(iter(tables.values()))
    images, labels = read_answers(first)
    probabilities = torch.stack([read_scored_images(table, first) for table in tables.values()])
    of_images = [groups.get(name, f"image {name}") for name in images]
    scores = resampled_class_scores(probabilities, labels, seed=0, groups=of_images)
    return ClassAnswers(images, labels, list(tables), scores)


def intervals_of(ours: ClassAnswers | None) -> dict[str, dict[str, Any]]:
    """Score -> its ``interval_over_seeds``; empty without answers."""
    return {name: interval_over_seeds(values, seed=0) for name, values in ours.scores.items()} if ours else {}


def compare_answers(ours: ClassAnswers | None, other: ClassAnswers | None) -> dict[str, dict[str, Any]]:
    """The same of the scores of one setting minus those of another; seeds that both have are paired.

    Raises:
        ValueError: the two met other test images.
    """
    if ours is None or other is None:
        return {}
    if ours.images != other.images or not torch.equal(ours.labels, other.labels):
        raise ValueError(
            "Expected two settings with the same test images in the same order, got others. Run the same experiment "
            "again, so that both meet one test list."
        )
    seeds = [seed for seed in ours.seeds if seed in other.seeds]
    columns = [[answers.seeds.index(seed) for seed in seeds] for answers in (ours, other)]
    return {
        name: interval_over_seeds(values[:, columns[0]] - other.scores[name][:, columns[1]], seed=0)
        for name, values in ours.scores.items()
        if seeds
    }

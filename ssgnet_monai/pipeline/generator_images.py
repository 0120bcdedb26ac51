"""Which labelled images the generators of an experiment learn from: those that its segmenters have masks of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ssgnet_monai.pipeline.settings import settings_of


def labeled_settings(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """What ``generator_images: labeled`` means in an experiment: the images that all its segmenters have masks of.

    Args:
        experiment: the resolved experiment.

    Returns:
        Settings for ``synthesis.config``; none where generators learn from all images, or where ``synthesis.config``
        says itself which images are labelled.

    Raises:
        ValueError: the segmenters have different images, or the generators draw theirs with another seed.
    """
    synthesis, seed = experiment["synthesis"], experiment["seeds"][0]
    config = synthesis["config"] if synthesis is not None else {}
    named = any(config.get(key) is not None for key in ("num_labeled", "labeled_list"))
    if config.get("generator_images") != "labeled" or named:
        return {}
    rows = {name: _choice(experiment, name, seed) for name in experiment["segmentation"]}
    first, choice = next(iter(rows.items()), ("", {}))
    other = next((name for name in rows if rows[name] != choice), None)
    if other is not None:
        raise ValueError(
            f"Expected rows of segmentation with the same labelled images for generator_images: labeled, got {first} "
            f"with {choice or 'all'} and {other} with {rows[other] or 'all'}. Say in synthesis.config which the "
            "generators learn from (num_labeled and labeled_by, or labeled_list), or run the rows as two experiments."
        )
    drawn, own = choice.pop("seed", seed), config.get("seed", seed)
    if choice.get("num_labeled") is not None and own != drawn:
        raise ValueError(
            f"Expected generators of seed {drawn}, with which {first} draws its labelled images, for "
            f"generator_images: labeled, got seed {own}. Take seed out of synthesis.config and of the rows' config."
        )
    return choice


def _choice(experiment: Mapping[str, Any], row: str, seed: int) -> dict[str, Any]:
    settings = settings_of(experiment, "segmentation", row, {"seed": seed}).merged
    if settings["labeled_list"] is not None:
        return {"labeled_list": settings["labeled_list"]}
    keys = ("num_labeled", "labeled_by", "seed") if settings["num_labeled"] is not None else ()
    return {key: settings[key] for key in keys}

"""How far the pseudo-labels of two rounds differ."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from ssgnet_monai.data.image_files import is_volume
from ssgnet_monai.data.label_space import IGNORED
from ssgnet_monai.data.pseudo_labels import read_manifest
from ssgnet_monai.data.volumes.volume import Volume


def label_change(before: str | Path, after: str | Path) -> float:
    """Mean share of pixels whose label differs between two rounds, over all pool images; in [0, 1]."""
    previous = {record["image"]: record["mask"] for record in read_manifest(before)["masks"]}
    changes = [
        np.mean(_read(Path(before) / previous[record["image"]]) != _read(Path(after) / record["mask"]))
        for record in read_manifest(after)["masks"]
    ]
    return float(np.mean(changes))


def label_disagreement(before: str | Path, after: str | Path) -> dict[str, float]:
    """How much the labels of two rounds disagree: 1 - Dice by pool image, the slices of a volume together.

    Args:
        before: folder of a published round.
        after: folder of a later one over the same pool, beside it.

    Returns:
        Absolute path of each image -> score in [0, 1]: of more than two classes the mean over those that either round
        shows; 0 where there is none. Nothing where one model labelled both rounds, since the last one did not raise
        validation: its masks tell nothing.
    """
    earlier, later = read_manifest(before), read_manifest(after)
    if earlier["model_sha256"] == later["model_sha256"]:
        return {}
    previous = {record["image"]: record["mask"] for record in earlier["masks"]}
    counts: dict[str, np.ndarray] = {}
    for record in later["masks"]:
        volume, _, _ = record["image"].rpartition("#")
        path = volume if is_volume(volume) else record["image"]
        image = os.path.normpath(Path(after).parent.absolute() / path)
        found = _overlap(_read(Path(before) / previous[record["image"]]), _read(Path(after) / record["mask"]))
        counts[image] = counts.get(image, 0) + found
    return {image: _one_minus_dice(*both_and_total) for image, both_and_total in counts.items()}


def _overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(2, 254) by class but the background: pixels of both masks, and of one mask plus those of the other."""
    both, first, second = (
        np.bincount(mask.ravel(), minlength=IGNORED + 1)[1:IGNORED] for mask in (one[one == other], one, other)
    )
    return np.stack([both, first + second])


def _one_minus_dice(both: np.ndarray, total: np.ndarray) -> float:
    shown = total > 0
    return float(np.mean(1 - 2 * both[shown] / total[shown])) if shown.any() else 0.0


def _read(path: Path) -> np.ndarray:
    if is_volume(path):
        return Volume(path).stored
    with Image.open(path) as image:
        return np.asarray(image)

"""Surface distances of the classes of cases, and what a record says of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ssgnet_monai.metrics.segmentation_scores import without_nan
from ssgnet_monai.metrics.surface_distance import surface_distances

DISTANCES = ("hd95_voxels", "assd_voxels", "hd95_mm", "assd_mm")


def class_distances(
    prediction: np.ndarray,
    truth: np.ndarray,
    num_classes: int,
    spacing: Sequence[float] | None = None,
    ignore_index: int = 255,
) -> torch.Tensor:
    """Distances between the surfaces of each foreground class of one case.

    Args:
        prediction: class numbers (X, Y) or (X, Y, Z).
        truth: likewise; where it is ``ignore_index``, neither mask holds any class.
        num_classes: K, background included.
        spacing: distance of neighbouring voxels along each axis, in mm; None: unknown.
        ignore_index: see ``truth``.

    Returns:
        (K - 1, 4) float64, in the order of ``DISTANCES``. NaN where prediction or truth lacks the class; the last two
        also where the spacing is unknown.
    """
    known = truth != ignore_index
    rows = []
    for number in range(1, num_classes):
        masks = (prediction == number) & known, (truth == number) & known
        in_mm = (math.nan, math.nan) if spacing is None else surface_distances(*masks, spacing)
        rows.append([*surface_distances(*masks), *in_mm])
    return torch.tensor(rows, dtype=torch.float64)


def summarise_distances(distances: torch.Tensor, counts: torch.Tensor) -> dict[str, Any]:
    """Mean and sample standard deviation of distances over cases, each the mean over the classes that have one.

    Args:
        distances: (n, C, 4) of C classes, in the order of ``DISTANCES``; NaN: none.
        counts: (n, C, 4) of the same classes: TP, TN, FP, FN.

    Returns:
        ``{"hd95_voxels_mean", "hd95_voxels_sd", ..., "n_undefined"}``: ``n_undefined`` counts the masks, over cases and
        classes, that are in no mean because either truth or prediction is empty. None: nothing has such a distance.
    """
    found: dict[str, float] = {}
    for name, values in zip(DISTANCES, distances.nanmean(1).unbind(1), strict=True):
        present = values[~values.isnan()]
        found[f"{name}_mean"] = present.mean().item() if len(present) else math.nan
        found[f"{name}_sd"] = present.std().item() if len(present) > 1 else math.nan if not len(present) else 0.0
    occurs = counts[..., 0] + counts[..., 2] + counts[..., 3] > 0
    return {**without_nan(found), "n_undefined": int((distances[..., 0].isnan() & occurs).sum())}

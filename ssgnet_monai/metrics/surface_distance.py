"""How far two surfaces lie apart: HD95 and ASSD of one class of one case, in millimetres or in voxels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.ndimage import binary_erosion, find_objects
from scipy.spatial import KDTree


class SurfaceDistances(NamedTuple):
    """Distances of two surfaces; NaN, both, where one of the two masks is empty.

    Args:
        hd95: 95th percentile of the distances of both directions taken together (``medpy.metric.binary.hd95``).
        assd: mean of the two directions' mean distances (``medpy.metric.binary.assd``).
    """

    hd95: float
    assd: float


def surface_distances(prediction: Any, truth: Any, spacing: Sequence[float] | None = None) -> SurfaceDistances:
    """Distances between the surfaces of two masks, symmetric in them.

    The surface of a mask are its voxels that touch the background or the edge of the grid with a face (in 2-D: with a
    side). Axes of length 1 are left out: a volume of one slice is measured as the picture that it is.

    Args:
        prediction: (X, Y) or (X, Y, Z) bool, or what numpy takes for it: zero is outside.
        truth: likewise, of the same shape.
        spacing: distance of neighbouring voxels along each axis, in mm; None: distances are in voxels.

    Returns:
        Distances in the unit of ``spacing``. NaN if prediction or truth is empty, or both: no distance can stand for
        a missing surface, so such cases are to be counted, not averaged.

    Raises:
        ValueError: other shapes, or no spacing.

    Source: medpy's ``hd95`` and ``assd`` with connectivity 1, which UA-MT and SSL4MIS score with. MONAI's
    ``compute_hausdorff_distance`` takes the larger of the two directions' percentiles and so is larger, not equal.
    """
    found, true = np.asarray(prediction) != 0, np.asarray(truth) != 0
    if found.shape != true.shape or found.ndim not in (2, 3):
        raise ValueError(
            "Expected prediction and truth of one shape (X, Y) or (X, Y, Z), got "
            f"{found.shape} and {true.shape}. Give one class of one case."
        )
    steps = np.ones(found.ndim) if spacing is None else np.asarray(spacing, np.float64)
    if steps.shape != (found.ndim,) or not (np.isfinite(steps) & (steps > 0)).all():
        raise ValueError(f"Expected {found.ndim} spacings in mm, each above 0, got {spacing!r}.")
    if not found.any() or not true.any():
        return SurfaceDistances(math.nan, math.nan)
    surfaces = [_surface(mask) * steps for mask in (found, true)]
    directions = [KDTree(other).query(own)[0] for own, other in (surfaces, surfaces[::-1])]
    return SurfaceDistances(
        hd95=float(np.percentile(np.concatenate(directions), 95)),
        assd=float(np.mean([distances.mean() for distances in directions])),
    )


def _surface(mask: np.ndarray) -> np.ndarray:
    """Indices (n, dimensions) of the voxels of a mask's surface."""
    (box,) = find_objects(mask.astype(np.uint8))  # outside it there is background, as beyond the grid
    inner = mask[box]
    thick = tuple(slice(None) if length > 1 else 0 for length in mask.shape)
    touching = inner.copy()
    touching[thick] &= ~binary_erosion(inner[thick])
    return np.argwhere(touching) + [edge.start for edge in box]

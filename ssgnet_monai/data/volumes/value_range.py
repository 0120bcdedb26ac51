"""Where the voxel values of a volume usually lie, whatever a few of its voxels hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ssgnet_monai.data.image_files import listed

SAMPLED_VOXELS = 1_000_000
TAIL = 0.5
"""Per cent at either end that may be anything."""
REACH = 10
"""Widths of the usual range beyond which a value is an outlier; bright vessels and metal lie within."""


class ValueRange(NamedTuple):
    """Lowest and highest voxel value, of all and of the usual ones, and the same without outliers."""

    lowest: float
    highest: float
    usual_low: float
    usual_high: float

    @property
    def low(self) -> float:
        """The lowest value that is no outlier's."""
        return max(self.lowest, self.usual_low - REACH * (self.usual_high - self.usual_low))

    @property
    def high(self) -> float:
        """The highest value that is no outlier's."""
        return min(self.highest, self.usual_high + REACH * (self.usual_high - self.usual_low))


def sampled(voxels: np.ndarray) -> np.ndarray:
    """About a million voxels of a volume, evenly."""
    flat = voxels.reshape(-1, order="A")
    return flat[:: max(1, flat.size // SAMPLED_VOXELS)]


def value_range(lowest: float, highest: float, sample: np.ndarray) -> ValueRange:
    """Tell usual values from outliers.

    A value that more than half of the voxels have is the background and does not count: a small structure in it is no
    outlier.

    Args:
        lowest: of all voxels.
        highest: of all voxels.
        sample: values of many of them, see ``sampled``.
    """
    background = sample == np.median(sample)
    kept = sample[~background] if background.mean() > 0.5 and not background.all() else sample
    low = float(np.percentile(kept, TAIL, method="higher"))
    high = float(np.percentile(kept, 100 - TAIL, method="lower"))
    if kept is not sample:
        low, high = min(low, float(np.median(sample))), max(high, float(np.median(sample)))
    return ValueRange(lowest, highest, min(low, high), max(low, high))


def outlier_warnings(names: Sequence[str], ranges: Sequence[ValueRange], low: float, high: float) -> list[str]:
    """What to tell of volumes with values beyond the range that all volumes share.

    Args:
        names: file names of the volumes.
        ranges: of each.
        low: lower end of the shared range.
        high: its upper end.

    Returns:
        No or one sentence.
    """
    found = []
    for name, values in zip(names, ranges, strict=True):
        beyond = [f"{value:g}" for value in (values.lowest, values.highest) if not low <= value <= high]
        if beyond:
            usual = f"{values.usual_low:g} to {values.usual_high:g}"
            found.append(f"{name} holds {' and '.join(beyond)} beside usual values of {usual}")
    if not found:
        return []
    return [
        f"{len(found)} of {len(names)} volumes hold voxels far from all others. The grey scale ends at {low:g} and "
        f"{high:g}, so that a few voxels do not take it from all volumes: {listed(found)}. Look at these volumes."
    ]

"""Labels of volume datasets: the values that their owners promise, and no others."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

ROUNDING = 0.01


def binary_label(values: np.ndarray, foreground: Collection[int], path: Path) -> np.ndarray:
    """The foreground of a label volume of two values.

    Args:
        values: (I, J, K) array; numbers stored as fractions are rounded.
        foreground: what the foreground may be, such as (1, 255).
        path: for messages.

    Returns:
        (I, J, K) bool.

    Raises:
        ValueError: other values, or no foreground.
    """
    rounded = np.rint(values) if values.dtype.kind == "f" else values
    highest = rounded.max()
    two = highest in foreground and not ((rounded != 0) & (rounded != highest)).any()
    if highest == 0 and not rounded.any():
        raise ValueError(
            f"Expected a label with some foreground, got an empty one in {path}. Copy it from its source again."
        )
    if not two or (rounded is not values and np.abs(values - rounded).max() > ROUNDING):
        shown = ", ".join(f"{value:g}" for value in np.unique(values)[:8])
        raise ValueError(
            f"Expected labels of 0 and {' or '.join(map(str, foreground))}, got {shown} in {path}. Take the "
            "owner's file."
        )
    return rounded > 0

"""Voxels of a mask as whole numbers from 0 on: slope and intercept applied, and what has no meaning refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np

ROUNDING = 1e-5
"""Relative; slope and intercept have 32 bits, which makes 1.0000001 of 255 / 255."""


def mask_values(values: np.ndarray, path: str | Path, threshold: int | None = None) -> np.ndarray:
    """Check the values of a mask.

    Args:
        values: array of numbers, scaled as the file says.
        path: for messages.
        threshold: values above it are foreground, so that negative ones may be background; None: they are refused.

    Returns:
        Array of the same shape, int32, or int64 where values need it.

    Raises:
        ValueError: fractions, or negative values.
    """
    whole = whole_numbers(values, path)
    lowest = int(whole.min())
    if lowest < 0 and (threshold is None or whole.max() <= threshold):
        shown = np.unique(whole)
        listed = ", ".join(f"{int(value)}" for value in shown[:8]) + (", ..." if len(shown) > 8 else "")
        raise ValueError(
            f"Expected mask values from 0 on, got {{{listed}}} in {path}. If {lowest} is the foreground (255 saved as "
            "8-bit signed numbers is -1), save `values != 0` as uint8; if it marks what is not known, give these "
            "voxels 0."
        )
    return whole.astype(np.int32 if whole.max() <= np.iinfo(np.int32).max else np.int64)


def whole_numbers(values: np.ndarray, path: str | Path) -> np.ndarray:
    """Fractions that come of 32-bit slopes rounded, in the type that they have; others refused, see above."""
    if values.dtype.kind != "f":
        return values
    whole = np.rint(values)
    fractions = ~(np.abs(values - whole) <= ROUNDING * np.maximum(np.abs(whole), 1))
    if fractions.any():
        raise ValueError(
            f"Expected a mask of whole numbers, {{0, 1}} or those of classes, got fractions such as "
            f"{values[fractions].flat[0]:g} in {path}. Export it without interpolation."
        )
    return np.asarray(whole)

"""Mask cleaning: specks go, holes and notches are filled."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.morphology import disk


def clean_mask(mask: np.ndarray, radius: int) -> np.ndarray:
    """Opening, then closing, with a disk: what no disk fits into goes, gaps that no disk fits into are filled.

    The mask is thought to go on beyond the picture's edges as it ends there.

    Args:
        mask: (H, W) bool.
        radius: of the disk, in pixels; 0: the mask as it is.

    Returns:
        (H, W) bool.

    Raises:
        ValueError: a negative radius.

    Source: SSGNet (BMVC 2025), preparation of the masks: binarised, resized, cleaned by opening and closing.
    """
    if radius < 0:
        raise ValueError(f"Expected a radius of at least 0 pixels for cleaning masks, got {radius}.")
    if radius == 0:
        return mask
    footprint, margin = disk(radius), 4 * radius
    padded = np.pad(mask, margin, mode="edge")
    opened = ndimage.binary_opening(padded, footprint)
    return ndimage.binary_closing(opened, footprint)[margin:-margin, margin:-margin]

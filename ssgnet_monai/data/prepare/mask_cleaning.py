"""Mask cleaning: specks go, holes and notches are filled."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.morphology import disk

from ssgnet_monai.data.label_space import IGNORED


def clean_classes(classes: np.ndarray, radius: int) -> np.ndarray:
    """The same for each class of a mask, later ones over earlier ones; pixels of unknown class stay.

    Args:
        classes: (H, W) uint8, class numbers and ``IGNORED``.
        radius: of the disk, in pixels; 0: the mask as it is.

    Returns:
        (H, W) uint8.
    """
    if radius == 0:
        return classes
    cleaned = np.zeros_like(classes)
    for number in np.unique(classes[(classes > 0) & (classes < IGNORED)]):
        cleaned[clean_mask(classes == number, radius)] = number
    cleaned[classes == IGNORED] = IGNORED
    return cleaned


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

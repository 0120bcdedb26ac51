"""Which way up a picture is shown: the tag beside pixels that a camera or viewer stored turned or mirrored."""

from __future__ import annotations

import numpy as np
from PIL import Image

ORIENTATION = 0x0112
"""The tag's number, in EXIF (JPEG, PNG, WebP) as in TIFF."""
# Steps along rows and columns after the axes are swapped, which orientations 5 to 8 ask for.
FLIPS = {1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1), 5: (1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}


def orientation_of(image: Image.Image) -> int:
    """The orientation that an open Pillow image asks for: 1 (as stored) to 8, as TIFF and EXIF number them.

    Pillow turns a TIFF itself when it decodes it, and then says 1.
    """
    tag = image.getexif().get(ORIENTATION, 1)
    return int(tag) if tag in FLIPS else 1


def upright_size(image: Image.Image) -> tuple[int, int]:
    """(width, height) as viewers show an open picture, from its header alone."""
    if image.format != "TIFF" and orientation_of(image) >= 5:
        return image.height, image.width
    return image.size  # of a TIFF, Pillow gives the size after turning


def stored_size(image: Image.Image) -> tuple[int, int]:
    """(width, height) of the stored pixels of a picture that is not decoded yet."""
    width, height = upright_size(image)
    return (height, width) if orientation_of(image) >= 5 else (width, height)


def turn_upright(values: np.ndarray, orientation: int) -> np.ndarray:
    """Stored pixels as viewers show them.

    Args:
        values: (H, W) or (H, W, C).
        orientation: 1 to 8.

    Returns:
        A contiguous array; orientations 5 to 8 swap height and width.

    Source: TIFF 6.0 (1992), tag 274; EXIF 2.32, tag 0x0112.
    """
    rows, columns = FLIPS[orientation]
    placed = values.swapaxes(0, 1) if orientation >= 5 else values
    return np.ascontiguousarray(placed[::rows, ::columns])


def turn_back(values: np.ndarray, orientation: int) -> np.ndarray:
    """The inverse of :func:`turn_upright`."""
    rows, columns = FLIPS[orientation]
    flipped = values[::rows, ::columns]
    return np.ascontiguousarray(flipped.swapaxes(0, 1) if orientation >= 5 else flipped)

"""Local contrast of a picture."""

from __future__ import annotations

import numpy as np
from skimage.exposure import equalize_adapthist


def equalise_contrast(values: np.ndarray) -> np.ndarray:
    """Contrast-limited adaptive histogram equalisation (CLAHE); of a colour picture, the value of HSV.

    Tiles are an eighth of each side; at most 1 % of a tile's pixels count for one grey level.

    Args:
        values: (H, W) or (H, W, 3) array of uint8 or uint16.

    Returns:
        An array of the same shape and type; a picture of one value is returned as it is.

    Source: Zuiderveld, Contrast limited adaptive histogram equalization, Graphics Gems IV (1994).
    """
    if values.min() == values.max():
        return values
    highest = np.iinfo(values.dtype).max
    return np.rint(equalize_adapthist(values) * highest).astype(values.dtype)

"""Reading photographs and masks of any common encoding, resizing and writing them as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from ssgnet_monai.data.atomic_write import atomic_path
from ssgnet_monai.data.label_space import mask_image
from ssgnet_monai.data.orientation import orientation_of, turn_upright
from ssgnet_monai.data.picture_layout import is_signed, layout_of, white_is_zero

MASK_THRESHOLD = 128
MOST_LABELS = 4
PNG_EFFORT = 1
"""Of zlib, 0 to 9: a third of the time of its default 6, for files 7 to 16 % larger."""


def plain_image(image: Image.Image, name: str = "") -> Image.Image:
    """A picture as 8-bit grey (``L``), 8-bit colour (``RGB``) or 16-bit grey (``I;16``); alpha is dropped.

    Args:
        image: an open Pillow image of any integer mode.
        name: the file named in messages; by default the image's own.

    Returns:
        The converted image; the same object where nothing was to do.

    Raises:
        ValueError: floating-point pixels or values beyond 16 bits.
    """
    name = name or getattr(image, "filename", "") or "the image"
    if image.mode == "L" and is_signed(image) and (lowest := int(np.asarray(image).view(np.int8).min())) < 0:
        raise ValueError(
            f"Expected values from 0 on, got {lowest} in the 8 signed bits of {name}. Save it unsigned: of a mask "
            "`values != 0`, of pictures all values plus 128."
        )
    if image.mode in ("L", "RGB", "I;16"):
        return image
    if image.mode in ("1", "LA", "La"):
        return image.convert("L")
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB").convert("RGB")
    if image.mode in ("RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"):
        return image.convert("RGB")
    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(
                f"Expected values of 8 or 16 bits, got {values.min()} to {values.max()} in {name}. Save it as "
                "16-bit PNG or TIFF, all pictures moved and scaled alike to whole numbers from 0 to 65535."
            )
        return Image.fromarray(values.astype(np.uint16))
    layout = layout_of(name)
    raise ValueError(
        f"Expected pixels of 8 or 16 bits, got a {layout[0] if layout else f'picture of mode {image.mode}'} in {name}. "
        "Save it as 16-bit PNG or TIFF, all pictures scaled by one factor to whole numbers from 0 to 65535."
    )


def picture_values(image: Image.Image, name: str = "") -> np.ndarray:
    """The pixels of an open picture as viewers show them: upright, and with white as the highest value.

    Args:
        image: see :func:`plain_image`.
        name: the file named in messages.

    Returns:
        (H, W) or (H, W, 3) uint8, or (H, W) uint16.

    Raises:
        ValueError: see :func:`plain_image`.
    """
    image.load()  # Pillow turns a TIFF, and finds a tag behind the pixels of a PNG, when it decodes
    values = np.asarray(plain_image(image, name))
    if values.dtype == np.uint16 and white_is_zero(image):  # Pillow does it for fewer bits
        values = np.iinfo(values.dtype).max - values
    return turn_upright(values, orientation_of(image))


def is_grey(values: np.ndarray) -> bool:
    """Whether an (H, W) or (H, W, 3) array has no colour."""
    return values.ndim == 2 or bool(
        np.array_equal(values[..., 0], values[..., 1]) and np.array_equal(values[..., 1], values[..., 2])
    )


def binarise_mask(
    values: np.ndarray, *, lossy: bool = False, threshold: int | None = None, name: str = "the mask"
) -> tuple[np.ndarray, str]:
    """Foreground of a one-channel mask, and how it was encoded.

    Accepted: {0, 1}, {0, 255}, {0, one other value} and values within 32 of 0 or 255 for at least 85 % of the pixels
    (JPEG ringing, edges smoothed by resizing), which are cut at 128. Numbered objects or classes and photographs are
    refused unless ``threshold`` says what is foreground.

    Args:
        values: (H, W) array of integers.
        lossy: the file was a JPEG: only the cut at 128 makes sense.
        threshold: values *above* it are foreground.
        name: the file named in messages.

    Returns:
        ((H, W) bool, encoding in words).

    Raises:
        ValueError: the values are not those of a binary mask.
    """
    if threshold is not None:
        return values > threshold, f"above {threshold}"
    highest = int(values.max())
    if highest == 0:
        return np.zeros(values.shape, bool), "empty"
    foreground = values > 0
    two_valued = not lossy and bool((values[foreground] == highest).all())
    if two_valued and (not foreground.all() or highest in (1, 255, 65535)):
        return foreground, f"0/{highest}"
    if values.dtype == np.uint8:
        near = (values <= 32) | (values >= 223)
        if near.mean() >= 0.85 and (highest >= 223 or lossy):
            cut = values >= MASK_THRESHOLD
            clean = bool(((values == 0) | (values == 255)).all())
            if clean or lossy or not _holds_labels(values, cut):
                return cut, "0/255" if clean else "0/255 with ringing or grey edges"
    shown = np.unique(values)
    listed = ", ".join(map(str, shown[:8])) + (f", ... ({len(shown)} values)" if len(shown) > 8 else "")
    raise ValueError(
        f"Expected a mask of values {{0, 1}} or {{0, 255}}, got {{{listed}}} in {name}. "
        + (
            "Export a binary mask, whose background is 0."
            if values.min() > 0
            else "If it numbers objects, prepare with mask_threshold=0 (--mask-threshold 0: values above 0 are "
            "foreground); otherwise export a binary mask."
        )
    )


def _holds_labels(values: np.ndarray, cut: np.ndarray) -> bool:
    """Whether few other values than 0 and 255 are classes: dark ones on many pixels, as 1 is beside a void of 255, or
    grey ones that fill areas, where smooth edges are thin."""
    shades = np.unique(values[(values > 0) & (values < 223)])
    if not 0 < len(shades) <= MOST_LABELS or values.min() > 0:
        return False
    dark = np.count_nonzero((values > 0) & (values <= 32))
    return bool(10 * dark > np.count_nonzero(cut)) or any(
        ndimage.binary_erosion(values == shade, np.ones((3, 3))).any() for shade in shades[shades > 32]
    )


def resize_image(values: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Lanczos resize of an (H, W) or (H, W, 3) uint8, or (H, W) uint16 array to ``size`` = (H, W)."""
    if values.shape[:2] == tuple(size):
        return values
    box = (int(size[1]), int(size[0]))
    if values.dtype == np.uint16:
        resized = Image.fromarray(values.astype(np.float32)).resize(box, Image.Resampling.LANCZOS)
        return np.clip(np.rint(np.asarray(resized)), 0, 65535).astype(np.uint16)
    return np.asarray(Image.fromarray(values).resize(box, Image.Resampling.LANCZOS))


def resize_mask(mask: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Nearest-neighbour resize of an (H, W) array, bool or uint8 class numbers, to ``size`` = (H, W)."""
    if mask.shape == tuple(size):
        return mask
    box = (int(size[1]), int(size[0]))
    resized = Image.fromarray(mask.astype(np.uint8)).resize(box, Image.Resampling.NEAREST)
    return np.asarray(resized).astype(mask.dtype)


def write_image_png(path: str | Path, values: np.ndarray) -> None:
    """Write an (H, W) or (H, W, 3) uint8, or (H, W) uint16 array as PNG, atomically."""
    with atomic_path(path) as temporary:
        Image.fromarray(np.ascontiguousarray(values)).save(temporary, format="PNG", compress_level=PNG_EFFORT)


def write_label_png(path: str | Path, classes: np.ndarray) -> None:
    """Write a mask of class numbers, (H, W) uint8, as PNG with a palette, atomically; see ``mask_image``."""
    with atomic_path(path) as temporary:
        mask_image(classes).save(temporary, format="PNG", compress_level=PNG_EFFORT)


def write_mask_png(path: str | Path, mask: Any) -> None:
    """Write a mask as 8-bit PNG with values 0 and 255, atomically, rows first (no transposition).

    Args:
        path: the file to write; its folder is created.
        mask: (H, W) or (1, H, W) array or tensor, bool or values in {0, 1}.

    Raises:
        ValueError: another shape or other values.
    """
    values = mask.detach().cpu().numpy() if isinstance(mask, torch.Tensor) else np.asarray(mask)
    values = values[0] if values.ndim == 3 and values.shape[0] == 1 else values
    if values.ndim != 2 or not bool(((values == 0) | (values == 1)).all()):
        raise ValueError(
            f"Expected a mask (H, W) or (1, H, W) of values 0 and 1 for {path}, got shape {tuple(values.shape)} and "
            f"values {values.min()} to {values.max()}. Threshold the prediction first."
        )
    write_image_png(path, (values != 0).astype(np.uint8) * 255)

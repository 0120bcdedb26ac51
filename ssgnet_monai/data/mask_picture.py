"""Which pixels of a mask picture are foreground: by value, index or colour, refused where two readings are possible."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ssgnet_monai.data.image_io import binarise_mask, is_grey, plain_image
from ssgnet_monai.data.open_picture import MAX_MEGAPIXELS, open_picture
from ssgnet_monai.data.orientation import orientation_of, turn_upright
from ssgnet_monai.data.picture_layout import white_is_zero

FOREGROUNDS = ("bright", "dark")
CHOOSE = (
    "Say which of the two values, as a viewer shows them, is the foreground: mask_foreground bright or dark "
    "(--mask-foreground dark; in an experiment prepare.mask_foreground=dark)."
)
LUMA = (0.299, 0.587, 0.114)
NEARLY_BLACK, NEARLY_WHITE = 32, 223


def read_mask(
    path: str | Path,
    threshold: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
    *,
    foreground: str | None = None,
) -> tuple[np.ndarray, str]:
    """Read a mask upright.

    Args:
        path: a picture.
        threshold: see ``binarise_mask``.
        max_megapixels: most millions of pixels.
        foreground: "bright" or "dark", as a viewer shows the mask's two values; None: all but value, index or colour 0.

    Returns:
        ((H, W) bool, encoding in words).

    Raises:
        ValueError: an unreadable picture, one that is not binary, or one of which two readings are possible.
    """
    with open_picture(path, max_megapixels) as image:
        values = mask_values(image, str(path), foreground)
        lossy, inverted, orientation = image.format == "JPEG", white_is_zero(image), orientation_of(image)
    mask, encoding = binarise_mask(values, lossy=lossy, threshold=threshold, name=str(path))
    if foreground is not None and (foreground == "dark") != inverted:
        mask, encoding = ~mask, f"{encoding}, the darker value"
    return turn_upright(mask, orientation), encoding


def mask_values(image: Image.Image, name: str = "", foreground: str | None = None) -> np.ndarray:
    """A mask's values as one channel, as Pillow has decoded them (not turned by EXIF), with 0 as the background.

    An indexed mask gives its indices, whatever their colours; of two colours, black gives 0 and the other 255.

    Args:
        image: an open Pillow image: 1-bit, grey, palette, colour, or a constant colour with the mask in its alpha.
        name: the file named in messages; by default the image's own.
        foreground: where it is given, two values become 0 and 255 by brightness: as viewers show them or, in a
            WhiteIsZero TIFF, as they are stored.

    Returns:
        (H, W) array of uint8 or uint16.

    Raises:
        ValueError: more than two colours, or two readings of which none is right by itself.
    """
    name = name or getattr(image, "filename", "") or "the mask"
    image.load()
    if white_is_zero(image):
        if foreground is None:
            raise _two_readings("a WhiteIsZero TIFF, whose value 0 is shown white,", name)
        shown = np.asarray(plain_image(image, name))
        return _two_valued(shown if shown.dtype == np.uint16 else 255 - shown)
    alpha = drawn_alpha(image)
    indices = _indices(image, alpha, name) if image.mode == "P" and foreground is None else None
    values = next((found for found in (indices, alpha) if found is not None), None)
    if values is None:
        values = np.asarray(plain_image(image, name))
        if values.ndim == 3:
            values = np.ascontiguousarray(values[..., 0]) if is_grey(values) else _colours(values, name, foreground)
    if foreground is not None:
        return _two_valued(values)
    low, high = int(values.min()), int(values.max())
    if 0 < low < high and not (low <= NEARLY_BLACK and high >= NEARLY_WHITE) and np.isin(values, (low, high)).all():
        raise _two_readings(f"the two values {low} and {high}", name)
    return values


def drawn_alpha(image: Image.Image) -> np.ndarray | None:
    """The alpha channel where the mask is drawn in it: what is shown has one colour."""
    if image.mode == "PA" or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
    if image.mode not in ("LA", "RGBA"):
        return None
    channels = np.asarray(image)
    alpha, colours = channels[..., -1], channels[..., :-1]
    shown = alpha > 0 if alpha.any() else np.ones(alpha.shape, bool)
    drawn = (alpha.min() < alpha.max() or not alpha.any()) and np.ptp(colours[shown], axis=0).max(initial=0) == 0
    return alpha if drawn else None


def _indices(image: Image.Image, alpha: np.ndarray | None, name: str) -> np.ndarray | None:
    """The indices of a palette mask, if they tell the background; None where only the colours can."""
    indices = np.asarray(image)
    used = np.unique(indices)
    palette = np.zeros((256, 3), np.uint8)
    colours = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    palette[: len(colours)] = colours
    objects = used[used > 0]
    if len(objects) > 1:
        only_colours = len(used) == 2 or bool((palette[used] == palette[used][:, :1]).all())
        return None if only_colours else indices
    if len(objects) == 1:
        if palette[0].any() and not palette[objects[0]].any():
            raise _two_readings(f"a palette whose index 0 is {_hex(palette[0])} and index {objects[0]} black,", name)
        if alpha is not None and ((alpha > 0) != (indices > 0)).any():
            raise _two_readings(f"a palette whose index {objects[0]} is transparent and index 0 is not,", name)
    return indices


def _colours(values: np.ndarray, name: str, foreground: str | None) -> np.ndarray:
    codes = values.astype(np.uint32) @ np.array([1, 256, 65536], np.uint32)
    found = np.unique(codes)
    if len(found) > 2:
        raise ValueError(
            f"Expected a mask of two values, got {len(found)} colours in {name}. "
            "Export one class as black and white, without lossy compression."
        )
    colours = np.stack([found & 255, (found >> 8) & 255, found >> 16], -1)
    names = " and ".join(map(_hex, colours))
    if foreground is None:
        if len(found) == 2 and found[0] != 0:
            raise _two_readings(f"the two colours {names}", name)
        return np.where(codes == 0, 0, 255).astype(np.uint8)
    if len(found) == 1:
        raise ValueError(
            f"Expected two colours for mask_foreground {foreground}, got nothing but {names} in {name}, which may be "
            "either. Export this mask as black and white."
        )
    return np.where(codes == found[int(np.argmax(colours @ np.array(LUMA)))], 255, 0).astype(np.uint8)


def _two_valued(values: np.ndarray) -> np.ndarray:
    """0 and 255 for the lower and the higher of two values; a single one is lower if it is 0."""
    low, high = values.min(), values.max()
    if low == high or np.isin(values, (low, high)).all():
        return np.where(values == high if high > low else values > 0, 255, 0).astype(np.uint8)
    return values


def _hex(colour: np.ndarray) -> str:
    return "#" + "".join(f"{int(part):02x}" for part in colour)


def _two_readings(found: str, name: str) -> ValueError:
    return ValueError(f"Expected a mask whose background is 0 and shown black, got {found} in {name}. {CHOOSE}")

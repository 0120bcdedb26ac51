"""Mask pictures of more than two classes: their values, palette indices or colours, and the classes these stand for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ssgnet_monai.data.image_io import binarise_mask, is_grey, plain_image
from ssgnet_monai.data.label_map import HOW, LabelMap, colour_code, colour_name
from ssgnet_monai.data.label_space import PALETTE, class_numbers
from ssgnet_monai.data.mask_picture import drawn_alpha, mask_values
from ssgnet_monai.data.open_picture import MAX_MEGAPIXELS, open_picture
from ssgnet_monai.data.orientation import orientation_of, turn_upright
from ssgnet_monai.data.picture_layout import white_is_zero


def read_label_picture(
    path: str | Path, labels: LabelMap, max_megapixels: float = MAX_MEGAPIXELS
) -> tuple[np.ndarray, str]:
    """Read a mask upright, as class numbers.

    Args:
        path: a picture.
        labels: with values or colours.
        max_megapixels: most millions of pixels.

    Returns:
        ((H, W) uint8 of class numbers and ``IGNORED``, encoding in words).

    Raises:
        ValueError: an unreadable picture, one with values or colours that are not named, a lossy one.
    """
    with open_picture(path, max_megapixels) as image:
        image.load()
        _check_exact(image, str(path))
        if labels.colours:
            numbers, encoding = labels.colour_numbers(_colour_codes(image, str(path)), path), "colours"
        else:
            codes, colour = coded_values(image, str(path))
            if colour:
                found = [colour_name(int(code)) for code in np.unique(codes)[:8]]
                raise ValueError(
                    f"Expected a mask of grey values or palette indices, as {labels.source or 'the other masks'} "
                    f"{'names' if labels.source else 'have'} them, got the colours {', '.join(found)} in {path}. Name "
                    f"colours with {HOW}."
                )
            numbers, encoding = labels.numbers(codes, path), "class numbers"
        return turn_upright(numbers, orientation_of(image)), encoding


def prepared_numbers(image: Image.Image, num_classes: int, name: str) -> np.ndarray:
    """The class numbers of a mask that was prepared, or that a person drew for images that were, as it is stored.

    Args:
        image: an open Pillow image.
        num_classes: K. With two, a mask without our palette is a binary one, as ``binarise_mask`` takes it.
        name: the file named in messages.

    Returns:
        (H, W) uint8, class numbers and ``IGNORED``.

    Raises:
        ValueError: other values.
    """
    image.load()
    own = image.mode == "P" and image.getpalette() == PALETTE[: len(image.getpalette() or ())]
    if num_classes == 2 and not own:
        return binarise_mask(mask_values(image, name), lossy=image.format == "JPEG", name=name)[0].astype(np.uint8)
    _check_exact(image, name)
    values, colour = coded_values(image, name)
    if colour:
        raise ValueError(
            f"Expected a mask of class numbers, got colours in {name}. Prepare the data with `ssgnet data prepare`: "
            "its --labels names the class of each colour."
        )
    return class_numbers(values, num_classes, name, indexed=True)


def coded_values(image: Image.Image, name: str) -> tuple[np.ndarray, bool]:
    """A mask's values as they are stored.

    Args:
        image: an open Pillow image, decoded.
        name: the file named in messages.

    Returns:
        ((H, W) whole numbers: palette indices, grey values, or the number of each colour; whether they are colours).
    """
    if image.mode == "P":
        return np.asarray(image), False
    alpha = drawn_alpha(image)
    if alpha is not None:
        return alpha, False
    values = np.asarray(plain_image(image, name))
    if values.ndim == 3 and is_grey(values):
        values = np.ascontiguousarray(values[..., 0])
    return (values, False) if values.ndim == 2 else (_codes(values), True)


def _colour_codes(image: Image.Image, name: str) -> np.ndarray:
    values = np.asarray(plain_image(image, name))
    return _codes(values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=-1))


def _codes(colours: np.ndarray) -> np.ndarray:
    return colours.astype(np.int64) @ np.array([colour_code(1, 0, 0), colour_code(0, 1, 0), colour_code(0, 0, 1)])


def _check_exact(image: Image.Image, name: str) -> None:
    if image.format == "JPEG" or white_is_zero(image):
        found = "a JPEG, which changes them" if image.format == "JPEG" else "a WhiteIsZero TIFF, shown with others"
        raise ValueError(f"Expected a mask whose values are those of its classes, got {found}, {name}. Save it as PNG.")

"""One image and its mask: decode, check, resize, write as PNG, and say what was found."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ssgnet_monai.data.image_files import ImagePair
from ssgnet_monai.data.image_io import (
    is_grey,
    picture_values,
    resize_image,
    resize_mask,
    write_image_png,
    write_label_png,
)
from ssgnet_monai.data.label_map import LabelMap, binary
from ssgnet_monai.data.label_picture import read_label_picture
from ssgnet_monai.data.label_space import IGNORED
from ssgnet_monai.data.mask_picture import read_mask
from ssgnet_monai.data.open_picture import MAX_MEGAPIXELS, open_picture
from ssgnet_monai.data.orientation import orientation_of, stored_size, turn_upright, upright_size
from ssgnet_monai.data.prepare.contrast import equalise_contrast
from ssgnet_monai.data.prepare.mask_cleaning import clean_classes
from ssgnet_monai.data.prepare.near_duplicates import perceptual_hash


def inspect_pair(pair: ImagePair, max_megapixels: float = MAX_MEGAPIXELS) -> dict[str, Any]:
    """Read the headers of an image and its masks: size, mode, bits, orientation.

    Args:
        pair: the files.
        max_megapixels: most millions of pixels of an image.

    Returns:
        ``{"width", "height"}`` as stored, ``{"mode", "format", "bits", "orientation"}`` of the image, ``"untagged"``:
        the image and a mask do not have the same orientation tag, and the sizes do not tell which are upright.

    Raises:
        ValueError: unreadable or too large file, or image and mask of different sizes when both are upright.
    """
    with open_picture(pair.image, max_megapixels) as image:
        bits = 16 if image.mode.startswith("I") else 8
        found = {"width": image.width, "height": image.height, "mode": image.mode, "format": str(image.format)}
        orientation, stored, shown = orientation_of(image), stored_size(image), upright_size(image)
    untagged = False
    for path in pair.masks:
        with open_picture(path, max_megapixels) as mask:
            own, size, unturned = orientation_of(mask), upright_size(mask), stored_size(mask)
        untagged |= orientation != own and size == unturned == stored == shown
        if size != shown and not (own == 1 and size == stored):
            raise ValueError(
                f"Expected a mask of the image's size {shown[0]}x{shown[1]} (width x height), got "
                f"{size[0]}x{size[1]} in {path}{', both upright' * (max(own, orientation) > 1)}. "
                + (
                    f"The image's orientation tag is {orientation}, the mask's {own} (1: none): save both upright, "
                    "without tag."
                    if own != orientation
                    else "Export it at that size, or remove both files."
                )
            )
    return {**found, "bits": bits, "orientation": orientation, "untagged": untagged}


@dataclass(frozen=True)
class Conversion:
    """What is done to every image and mask, in this order.

    Args:
        mask_threshold: see ``binarise_mask``.
        size: (H, W) in pixels, or None to keep each image's own.
        clean_masks: see ``clean_classes``, in pixels of the written mask.
        clahe: see ``equalise_contrast``.
        mask_foreground: see ``read_mask``.
        labels: what masks mean.
    """

    mask_threshold: int | None = None
    size: tuple[int, int] | None = None
    clean_masks: int = 0
    clahe: bool = False
    mask_foreground: str | None = None
    labels: LabelMap = field(default_factory=lambda: binary("foreground"))


def convert_pair(
    pair: ImagePair, out: Path, conversion: Conversion, max_megapixels: float = MAX_MEGAPIXELS
) -> dict[str, Any]:
    """Write ``out/images/<stem>.png`` and ``out/masks/<stem>.png``.

    Args:
        pair: the files.
        out: the prepared folder.
        conversion: size, threshold and what else.
        max_megapixels: most millions of pixels of an image.

    Returns:
        What was found: ``stem, image, label, width, height, mode, grey, turned, sha256`` (of the source pixels),
        ``perceptual_hash, masks`` (how many were united), ``mask_encoding, foreground`` and ``border_foreground``
        (fraction of the source's pixels that are of a class, and of those on its border), ``not_known`` (fraction whose
        class is not known), ``present`` (classes of the written mask), ``vanished`` (a class was lost by resizing or
        cleaning).

    Raises:
        ValueError: unreadable pixels or a mask of other values.
    """
    record: dict[str, Any] = {"stem": pair.stem, "image": f"images/{pair.stem}.png"}
    shape = None
    if pair.mask is not None:  # the mask first: of two large pictures, one is in memory at a time
        mask, record["mask_encoding"] = _united_masks(pair, conversion, max_megapixels)
        shape = mask.shape
        resized_mask = clean_classes(resize_mask(mask, conversion.size or shape), conversion.clean_masks)
        marked, present = (mask > 0) & (mask < IGNORED), _classes(resized_mask)
        border = np.concatenate([marked[0], marked[-1], marked[:, 0], marked[:, -1]])
        record |= {
            "label": f"masks/{pair.stem}.png",
            "masks": len(pair.masks),
            "foreground": float(marked.mean()),
            "border_foreground": float(border.mean()),
            "not_known": float((mask == IGNORED).mean()),
            "present": present,
            "vanished": present != _classes(mask),
        }
        del marked
        del mask
    values, record["mode"], orientation = read_image(pair.image, max_megapixels)
    record["turned"] = orientation != 1
    record["grey"] = is_grey(values)
    if record["grey"] and values.ndim == 3:
        values = np.ascontiguousarray(values[..., 0])
    digest = hashlib.sha256(repr(values.shape).encode())
    digest.update(values.data.cast("B"))
    resized = resize_image(values, conversion.size or values.shape[:2])
    if conversion.clahe:
        resized = equalise_contrast(resized)
    record |= {
        "width": values.shape[1],
        "height": values.shape[0],
        "sha256": digest.hexdigest(),
        "perceptual_hash": perceptual_hash(resized),
    }
    if shape is not None:
        write_label_png(out / "masks" / f"{pair.stem}.png", resized_mask)
    write_image_png(out / "images" / f"{pair.stem}.png", resized)
    return record


def read_image(path: Path, max_megapixels: float = MAX_MEGAPIXELS) -> tuple[np.ndarray, str, int]:
    """Read an image upright.

    Args:
        path: the file.
        max_megapixels: most millions of pixels.

    Returns:
        ((H, W) or (H, W, 3) array, mode of the file, its orientation, 1 to 8).
    """
    with open_picture(path, max_megapixels) as image:
        orientation, mode = orientation_of(image), image.mode
        return picture_values(image, str(path)), mode, orientation


def _united_masks(pair: ImagePair, conversion: Conversion, max_megapixels: float) -> tuple[np.ndarray, str]:
    """All masks of an image as one, upright, later classes over earlier ones: (H, W) uint8; how they are encoded."""
    with open_picture(pair.image, max_megapixels) as image:
        orientation, shown = orientation_of(image), upright_size(image)[::-1]
    labels = conversion.labels
    class_of = [labels.parts[part] for part in pair.parts] or [1] * len(pair.masks)
    united, encodings = np.zeros(shown, np.uint8), []
    for number, path in sorted(zip(class_of, pair.masks, strict=True)):
        if labels.values or labels.colours:
            mask, encoding = read_label_picture(path, labels, max_megapixels)
        else:
            drawn, encoding = read_mask(
                path, conversion.mask_threshold, max_megapixels, foreground=conversion.mask_foreground
            )
            mask = drawn * np.uint8(number)
        if mask.shape != shown and mask.shape == shown[::-1]:  # without a tag, and drawn on the stored pixels
            mask = turn_upright(mask, orientation)
        np.copyto(united, mask, where=mask > 0)
        encodings.append(encoding)
    return united, next((found for found in encodings if found != "empty"), "empty")


def _classes(mask: np.ndarray) -> list[int]:
    return [int(number) for number in np.unique(mask) if 0 < number < IGNORED]

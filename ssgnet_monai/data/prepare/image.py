"""One image and its mask: decode, check, resize, write as PNG, and say what was found."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ssgnet_monai.data.image_files import ImagePair
from ssgnet_monai.data.image_io import (
    binarise_mask,
    grey_mask,
    is_grey,
    plain_image,
    resize_image,
    resize_mask,
    upright,
    upright_size,
    write_image_png,
    write_mask_png,
)
from ssgnet_monai.data.open_picture import MAX_MEGAPIXELS, open_picture
from ssgnet_monai.data.prepare.contrast import equalise_contrast
from ssgnet_monai.data.prepare.mask_cleaning import clean_mask
from ssgnet_monai.data.prepare.near_duplicates import perceptual_hash

PNG_DEPTH_BYTE = 24


def inspect_pair(pair: ImagePair, max_megapixels: float = MAX_MEGAPIXELS) -> dict[str, Any]:
    """Read the headers of an image and its mask: size, mode, bits; nothing is decoded.

    Args:
        pair: the files.
        max_megapixels: most millions of pixels of an image.

    Returns:
        ``{"width", "height", "mode", "format", "bits", "deep_colour"}`` of the image.

    Raises:
        ValueError: unreadable or too large file, or image and mask of different sizes.
    """
    with open_picture(pair.image, max_megapixels) as image:
        bits = 16 if image.mode.startswith("I") else 8
        found = {"width": image.width, "height": image.height, "mode": image.mode, "format": str(image.format)}
        sizes = {image.size, upright_size(image)}
    if pair.mask is not None:
        with open_picture(pair.mask, max_megapixels) as mask:
            if mask.size not in sizes:
                raise ValueError(
                    f"Expected a mask of the image's size {found['width']}x{found['height']} (width x height), "
                    f"got {mask.width}x{mask.height} in {pair.mask}. Export it at that size, or remove both files."
                )
    return {**found, "bits": bits, "deep_colour": _is_deep_colour_png(pair.image, str(found["mode"]))}


@dataclass(frozen=True)
class Treatment:
    """What is done to every image and mask, in this order.

    Args:
        mask_threshold: see ``binarise_mask``.
        size: (H, W) in pixels, or None to keep each image's own.
        clean_masks: see ``clean_mask``, in pixels of the written mask.
        clahe: see ``equalise_contrast``.
    """

    mask_threshold: int | None = None
    size: tuple[int, int] | None = None
    clean_masks: int = 0
    clahe: bool = False


def convert_pair(
    pair: ImagePair, out: Path, treatment: Treatment, max_megapixels: float = MAX_MEGAPIXELS
) -> dict[str, Any]:
    """Write ``out/images/<stem>.png`` and ``out/masks/<stem>.png``.

    Args:
        pair: the files.
        out: the prepared folder.
        treatment: size, threshold and what else.
        max_megapixels: most millions of pixels of an image.

    Returns:
        What was found: ``stem, image, label, width, height, mode, grey, turned, sha256`` (of the source pixels),
        ``perceptual_hash``, ``mask_encoding, foreground`` (fraction of the source's pixels), ``vanished`` (foreground
        lost by resizing or cleaning).

    Raises:
        ValueError: unreadable pixels or a mask that is not binary.
    """
    record: dict[str, Any] = {"stem": pair.stem, "image": f"images/{pair.stem}.png"}
    shape = None
    if pair.mask is not None:  # the mask first: of two large pictures, one is in memory at a time
        mask, record["mask_encoding"] = read_mask(pair.mask, treatment.mask_threshold, max_megapixels)
        shape = mask.shape
        resized_mask = clean_mask(resize_mask(mask, treatment.size or shape), treatment.clean_masks)
        record |= {
            "label": f"masks/{pair.stem}.png",
            "foreground": float(mask.mean()),
            "vanished": bool(mask.any() and not resized_mask.any()),
        }
        del mask
    values, record["mode"], record["turned"] = read_image(pair.image, shape, max_megapixels)
    if shape is not None and shape != values.shape[:2]:
        raise ValueError(
            f"Expected a mask of shape {values.shape[:2]} (H, W), got {shape} in {pair.mask}. "
            "Image and mask disagree about the photograph's orientation; save both upright."
        )
    record["grey"] = is_grey(values)
    if record["grey"] and values.ndim == 3:
        values = np.ascontiguousarray(values[..., 0])
    digest = hashlib.sha256(repr(values.shape).encode())
    digest.update(values.data.cast("B"))
    resized = resize_image(values, treatment.size or values.shape[:2])
    if treatment.clahe:
        resized = equalise_contrast(resized)
    record |= {
        "width": values.shape[1],
        "height": values.shape[0],
        "sha256": digest.hexdigest(),
        "perceptual_hash": perceptual_hash(resized),
    }
    if shape is not None:
        write_mask_png(out / "masks" / f"{pair.stem}.png", resized_mask)
    write_image_png(out / "images" / f"{pair.stem}.png", resized)
    return record


def read_image(
    path: Path, mask_shape: tuple[int, ...] | None = None, max_megapixels: float = MAX_MEGAPIXELS
) -> tuple[np.ndarray, str, bool]:
    """Read an image upright.

    Args:
        path: the file.
        mask_shape: (H, W) of its mask, see ``upright``.
        max_megapixels: most millions of pixels.

    Returns:
        ((H, W) or (H, W, 3) array, mode of the file, whether it was turned).
    """
    with open_picture(path, max_megapixels) as image:
        placed = upright(image, None if mask_shape is None else (mask_shape[1], mask_shape[0]))
        return np.asarray(plain_image(placed, str(path))), image.mode, placed is not image


def read_mask(
    path: Path, threshold: int | None = None, max_megapixels: float = MAX_MEGAPIXELS
) -> tuple[np.ndarray, str]:
    """Read a mask: (H, W) bool, and its encoding in words; see ``binarise_mask``."""
    values, lossy = _mask_values(path, max_megapixels)
    return binarise_mask(values, lossy=lossy, threshold=threshold, name=str(path))


def _mask_values(path: Path, most: float) -> tuple[np.ndarray, bool]:
    """Apart from its use, so that the decoded picture is gone by then."""
    with open_picture(path, most) as image:
        return grey_mask(image, str(path)), image.format == "JPEG"


def _is_deep_colour_png(path: Path, mode: str) -> bool:
    """Pillow reads 16-bit colour as 8 bits without a word."""
    if mode not in ("RGB", "RGBA") or path.suffix.lower() != ".png":
        return False
    with open(path, "rb") as file:
        header = file.read(PNG_DEPTH_BYTE + 1)
    return header[PNG_DEPTH_BYTE] == 16

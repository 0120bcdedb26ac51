"""One image and its mask: decode, check, resize, write as PNG, and say what was found."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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
from ssgnet_monai.data.near_duplicates import perceptual_hash
from ssgnet_monai.data.open_picture import MAX_MEGAPIXELS, open_picture

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


def convert_pair(
    pair: ImagePair,
    out: Path,
    size: Sequence[int] | None,
    mask_threshold: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> dict[str, Any]:
    """Write ``out/images/<stem>.png`` and ``out/masks/<stem>.png``.

    Args:
        pair: the files.
        out: the prepared folder.
        size: (H, W) in pixels, or None to keep each image's own.
        mask_threshold: see ``binarise_mask``.
        max_megapixels: most millions of pixels of an image.

    Returns:
        What was found: ``stem, image, label, width, height, mode, grey, turned, sha256`` (of the source pixels),
        ``perceptual_hash``, ``mask_encoding, foreground`` (fraction of the source's pixels), ``vanished`` (foreground
        lost by resizing).

    Raises:
        ValueError: unreadable pixels or a mask that is not binary.
    """
    record: dict[str, Any] = {"stem": pair.stem, "image": f"images/{pair.stem}.png"}
    shape = None
    if pair.mask is not None:  # the mask first: of two large pictures, one is in memory at a time
        mask, record["mask_encoding"] = _read_mask(pair.mask, mask_threshold, max_megapixels)
        shape, resized_mask = mask.shape, resize_mask(mask, size or mask.shape)
        record |= {
            "label": f"masks/{pair.stem}.png",
            "foreground": float(mask.mean()),
            "vanished": bool(mask.any() and not resized_mask.any()),
        }
        del mask
    values, record["mode"], record["turned"] = _read_image(pair.image, shape, max_megapixels)
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
    resized = resize_image(values, size or values.shape[:2])
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


def _read_image(path: Path, mask_shape: tuple[int, ...] | None, most: float) -> tuple[np.ndarray, str, bool]:
    with open_picture(path, most) as image:
        placed = upright(image, None if mask_shape is None else (mask_shape[1], mask_shape[0]))
        return np.asarray(plain_image(placed, str(path))), image.mode, placed is not image


def _read_mask(path: Path, threshold: int | None, most: float) -> tuple[np.ndarray, str]:
    values, lossy = _mask_values(path, most)
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

"""One image and its mask: decode, check, resize, write as PNG, and say what was found."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ssgnet_monai.data.image_files import ImagePair
from ssgnet_monai.data.image_io import (
    UNREADABLE,
    binarise_mask,
    grey_mask,
    is_grey,
    plain_image,
    resize_image,
    resize_mask,
    upright,
    write_image_png,
    write_mask_png,
)

PNG_DEPTH_BYTE = 24


def inspect_pair(pair: ImagePair) -> dict[str, Any]:
    """Read the headers of an image and its mask: size, mode, bits; nothing is decoded.

    Args:
        pair: the files.

    Returns:
        ``{"width", "height", "mode", "format", "bits"}`` of the image.

    Raises:
        ValueError: unreadable file, or image and mask of different sizes.
    """
    try:
        with Image.open(pair.image) as image:
            bits = 16 if image.mode.startswith("I") else 8
            found = {"width": image.width, "height": image.height, "mode": image.mode, "format": str(image.format)}
            sizes = {image.size, upright(image).size}
    except UNREADABLE as error:
        raise ValueError(f"Expected a readable image, got {_reason(error)} in {pair.image}.") from error
    if pair.mask is not None:
        try:
            with Image.open(pair.mask) as mask:
                if mask.size not in sizes:
                    raise ValueError(
                        f"Expected a mask of the image's size {found['width']}x{found['height']} (width x height), "
                        f"got {mask.width}x{mask.height} in {pair.mask}."
                    )
        except UNREADABLE as error:
            raise ValueError(f"Expected a readable mask, got {_reason(error)} in {pair.mask}.") from error
    return {**found, "bits": bits, "deep_colour": _is_deep_colour_png(pair.image, str(found["mode"]))}


def convert_pair(
    pair: ImagePair, out: Path, size: Sequence[int] | None, mask_threshold: int | None = None
) -> dict[str, Any]:
    """Write ``out/images/<stem>.png`` and ``out/masks/<stem>.png``.

    Args:
        pair: the files.
        out: the prepared folder.
        size: (H, W) in pixels, or None to keep each image's own.
        mask_threshold: see ``binarise_mask``.

    Returns:
        What was found: ``stem, image, label, width, height, mode, grey, turned, sha256`` (of the source pixels),
        ``mask_encoding, foreground`` (fraction of the source's pixels), ``vanished`` (foreground lost by resizing).

    Raises:
        ValueError: unreadable pixels or a mask that is not binary.
    """
    try:
        with Image.open(pair.image) as image:
            mask_size = _size(pair.mask)
            placed = upright(image, mask_size)
            mode, turned = image.mode, placed is not image
            values = np.asarray(plain_image(placed, str(pair.image)))
    except UNREADABLE as error:
        raise ValueError(f"Expected a readable image, got {_reason(error)} in {pair.image}.") from error
    grey = is_grey(values)
    if grey and values.ndim == 3:
        values = np.ascontiguousarray(values[..., 0])
    record: dict[str, Any] = {
        "stem": pair.stem,
        "image": f"images/{pair.stem}.png",
        "width": values.shape[1],
        "height": values.shape[0],
        "mode": mode,
        "grey": grey,
        "turned": turned,
        "sha256": hashlib.sha256(repr(values.shape).encode() + values.tobytes()).hexdigest(),
    }
    target = values.shape[:2] if size is None else size
    if pair.mask is not None:
        mask, encoding = _read_mask(pair.mask, mask_threshold)
        if mask.shape != values.shape[:2]:
            raise ValueError(
                f"Expected a mask of shape {values.shape[:2]} (H, W), got {mask.shape} in {pair.mask}. "
                "Image and mask disagree about the photograph's orientation; save both upright."
            )
        resized = resize_mask(mask, target)
        write_mask_png(out / "masks" / f"{pair.stem}.png", resized)
        record |= {
            "label": f"masks/{pair.stem}.png",
            "mask_encoding": encoding,
            "foreground": float(mask.mean()),
            "vanished": bool(mask.any() and not resized.any()),
        }
    write_image_png(out / "images" / f"{pair.stem}.png", resize_image(values, target))
    return record


def _read_mask(path: Path, threshold: int | None) -> tuple[np.ndarray, str]:
    try:
        with Image.open(path) as image:
            values = grey_mask(image, str(path))
            lossy = image.format == "JPEG"
    except UNREADABLE as error:
        raise ValueError(f"Expected a readable mask, got {_reason(error)} in {path}.") from error
    return binarise_mask(values, lossy=lossy, threshold=threshold, name=str(path))


def _size(path: Path | None) -> tuple[int, int] | None:
    if path is None:
        return None
    with Image.open(path) as image:
        return image.size


def _is_deep_colour_png(path: Path, mode: str) -> bool:
    """Pillow reads 16-bit colour as 8 bits without a word."""
    if mode not in ("RGB", "RGBA") or path.suffix.lower() != ".png":
        return False
    with open(path, "rb") as file:
        header = file.read(PNG_DEPTH_BYTE + 1)
    return header[PNG_DEPTH_BYTE] == 16


def _reason(error: Exception) -> str:
    return f"{type(error).__name__} ({str(error).splitlines()[0] if str(error) else 'no details'})"

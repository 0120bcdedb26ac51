"""A mammogram and the outlines of its lesions, from DICOM files to 16-bit pictures with masks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ssgnet_monai.data.dicom.dicom_file import read_dicom
from ssgnet_monai.data.image_io import resize_image, resize_mask, write_image_png, write_mask_png

logger = logging.getLogger(__name__)

NOTHING = np.zeros((0, 0), bool)
SAME_SHAPE = 0.02
"""Largest difference of aspect ratios at which a mask of another size is scaled to its image."""


def stage_mammogram(
    name: str,
    files: Sequence[Path],
    lesions: Mapping[str, Sequence[Path]],
    staging: Path,
    margin: float | None,
    max_side: int,
    reviewed: bool = False,
) -> dict[str, str]:
    """Write a mammogram's pictures to ``staging/images`` and their masks to ``staging/masks``.

    Args:
        name: of the mammogram.
        files: of its folder: one.
        lesions: files of each lesion's folder by its name: a mask, and a crop that is not used.
        staging: folder to write.
        margin: see ``lesion_box``; None gives one picture, the whole mammogram with all of its lesions.
        max_side: longer pictures are scaled down to this many pixels.
        reviewed: see ``read_header``.

    Returns:
        ``{path below staging: stem}`` of pictures and masks; empty, after a warning, for a mammogram that cannot be
        used.

    Raises:
        ValueError: files that are no readable DICOM images.
    """
    if len(files) != 1:
        return _left_out(name, f"its folder has {len(files)} images instead of one")
    image = _grey(files[0], reviewed)
    outlines = {}
    for lesion, parts in lesions.items():
        outlines[lesion], problem = lesion_mask(parts, image.shape, reviewed)
        if problem:
            return _left_out(lesion, problem)
    together = np.logical_or.reduce(list(outlines.values()))
    whole = slice(0, image.shape[0]), slice(0, image.shape[1])
    boxes = {name: whole}
    if margin is not None:
        boxes = {lesion: lesion_box(outline, margin) for lesion, outline in outlines.items()}
    made: dict[str, str] = {}
    for stem, box in boxes.items():
        size = _size(image[box].shape, max_side)
        write_image_png(staging / "images" / f"{stem}.png", resize_image(image[box], size))
        write_mask_png(staging / "masks" / f"{stem}.png", resize_mask(together[box], size))
        made |= {f"{folder}/{stem}.png": stem for folder in ("images", "masks")}
    return made


def lesion_mask(files: Sequence[Path], shape: tuple[int, ...], reviewed: bool = False) -> tuple[np.ndarray, str]:
    """The one picture of two values among a lesion's files; neither their order nor their names tell which it is.

    Args:
        files: DICOM files.
        shape: (rows, columns) of the mammogram; a mask of another size, but the same shape, is scaled to it.
        reviewed: see ``read_header``.

    Returns:
        ((rows, columns) bool, or empty and what is wrong).
    """
    masks = []
    for file in files:
        pixels, _ = read_dicom(file, reviewed=reviewed)
        low, high = pixels.min(), pixels.max()
        if low < high and bool(((pixels == low) | (pixels == high)).all()):
            masks.append(pixels == high)
    if len(masks) != 1:
        return NOTHING, f"{len(masks)} of its {len(files)} files are masks (pictures of two values) instead of one"
    rows, columns = masks[0].shape
    if abs(rows * shape[1] / (columns * shape[0]) - 1) > SAME_SHAPE:
        return NOTHING, f"its mask has {columns}x{rows} pixels and its image {shape[1]}x{shape[0]}"
    scaled = resize_mask(masks[0], shape)
    return scaled, "" if scaled.any() else "its mask vanishes when it is scaled to the image"


def lesion_box(mask: np.ndarray, margin: float) -> tuple[slice, slice]:
    """A square around a lesion, moved and cut where it would leave the picture.

    Args:
        mask: (rows, columns) bool, not empty.
        margin: added on each side, as a share of the lesion's longer side.
    """
    spans = [np.flatnonzero(mask.any(axis=1 - axis))[[0, -1]] for axis in (0, 1)]
    side = round(max(last - first + 1 for first, last in spans) * (1 + 2 * margin))
    box = []
    for (first, last), length in zip(spans, mask.shape, strict=True):
        start = max(0, min(int(first + last + 1 - side) // 2, length - side))
        box.append(slice(start, min(start + side, length)))
    return box[0], box[1]


def _grey(file: Path, reviewed: bool) -> np.ndarray:
    pixels, header = read_dicom(file, reviewed=reviewed)
    if pixels.ndim != 2 or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"Expected a grey mammogram of 8 or 16 unsigned bits, got {header.photometric} pixels of type "
            f"{pixels.dtype} and shape {pixels.shape} in {file}. Fetch it again."
        )
    return pixels.astype(np.uint16) * (257 if pixels.dtype == np.uint8 else 1)


def _size(shape: Sequence[int], max_side: int) -> list[int]:
    scale = min(1.0, max_side / max(shape))
    return [max(1, round(length * scale)) for length in shape]


def _left_out(name: str, reason: str) -> dict[str, str]:
    logger.warning("cbis_ddsm: %s is left out: %s.", name, reason)
    return {}

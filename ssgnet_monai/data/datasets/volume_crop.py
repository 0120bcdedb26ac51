"""Boxes in volumes: around the body by intensity, or around the label as published baselines cut it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

STRIDE = 2
"""Voxels between those that are looked at for the body: an eighth of the memory."""
Box = tuple[slice, ...]


def body_box(body: np.ndarray) -> Box:
    """The box around the largest connected piece of the body; specks and tables apart from it are left out.

    Args:
        body: (I, J, K) bool, such as voxels above the intensity of air.

    Returns:
        One slice for each axis; the whole volume where there is no body.
    """
    pieces, count = ndimage.label(body[::STRIDE, ::STRIDE, ::STRIDE])
    if not count:
        return tuple(slice(0, length) for length in body.shape)
    largest = int(np.argmax(np.bincount(pieces.ravel())[1:]))
    found = ndimage.find_objects(pieces)[largest]
    return tuple(
        slice(max(0, (part.start - 1) * STRIDE + 1), min(length, part.stop * STRIDE))
        for part, length in zip(found, body.shape, strict=True)
    )


def label_box(
    label: np.ndarray, spacing: Sequence[float], margin: float, axes: Sequence[int] = (0, 1, 2), least: int = 0
) -> Box:
    """The box around the label, with a margin.

    Args:
        label: (I, J, K) array, above 0 in the foreground.
        spacing: mm along each axis.
        margin: mm on both sides.
        axes: array axes to crop; the others stay whole.
        least: voxels that the box has at least along these axes before the margin is added.

    Returns:
        One slice for each axis; the whole volume where the label is empty.
    """
    box = []
    for axis, length in enumerate(label.shape):
        others = tuple({0, 1, 2} - {axis})
        inside = np.flatnonzero(label.any(axis=others))
        if axis not in axes or not len(inside):
            box.append(slice(0, length))
            continue
        start, stop = int(inside[0]), int(inside[-1]) + 1
        more = math.ceil(max(0, least - (stop - start)) / 2) + round(margin / spacing[axis])
        box.append(slice(max(0, start - more), min(length, stop + more)))
    return tuple(box)


def cropped_affine(affine: np.ndarray, box: Box) -> np.ndarray:
    """The affine of the voxels inside a box: the same directions, the origin at the box's first voxel."""
    moved = affine.copy()
    moved[:3, 3] = affine[:3] @ [*(part.start for part in box), 1]
    return moved

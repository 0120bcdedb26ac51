"""One volume and its mask: what they hold, and their slices written as PNG files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ssgnet_monai.data.atomic_write import atomic_path, write_json
from ssgnet_monai.data.image_files import ImagePair
from ssgnet_monai.data.image_io import write_image_png, write_mask_png
from ssgnet_monai.data.label_map import LabelMap
from ssgnet_monai.data.label_space import IGNORED, mask_image
from ssgnet_monai.data.volumes.class_voxels import check_grids, pair_classes
from ssgnet_monai.data.volumes.value_range import sampled, value_range
from ssgnet_monai.data.volumes.view import plane_name, slice_axis, slice_view
from ssgnet_monai.data.volumes.volume import Volume

GREY_LEVELS = 65535


def survey_volume(pair: ImagePair, plane: str | None = None) -> dict[str, Any]:
    """What a volume holds.

    Args:
        pair: a volume and its mask volume, or None.
        plane: see ``slice_axis``.

    Returns:
        ``axis`` and ``plane`` of its slices, ``length`` (how many), ``shape``, ``affine``, ``range`` (``ValueRange``),
        ``whole`` (all values are whole numbers).

    Raises:
        ValueError: a volume that cannot be used, or a mask on another grid.
    """
    volume = Volume(pair.image)
    check_grids(pair)
    stored = volume.stored
    lowest, highest = sorted(volume.values(np.array([stored.min(), stored.max()])).tolist())
    layers = (volume.values(stored[..., k]) for k in range(stored.shape[2]))
    axis = slice_axis(volume.affine, plane)
    return {
        "axis": axis,
        "plane": plane_name(volume.affine, axis),
        "length": volume.shape[axis],
        "shape": list(volume.shape),
        "affine": volume.affine.tolist(),
        "range": value_range(lowest, highest, volume.values(sampled(stored))),
        "whole": all(bool((values == np.rint(values)).all()) for values in layers),
    }


def slice_stem(stem: str, index: int) -> str:
    """Name of a volume's slice, without extension."""
    return f"{stem}_{index:04d}"


def cut_volume(
    pair: ImagePair,
    out: Path,
    axis: int,
    grey_line: Sequence[float],
    mask_threshold: int | None = None,
    drop_empty: bool = False,
    labels: LabelMap | None = None,
) -> list[int]:
    """Write the slices of a volume to ``out/images``, and those of its mask to ``out/masks``.

    Slices of one value and without foreground, as padding makes them, are left out. A volume that was cut before, from
    unchanged files and with the same settings, is not cut again.

    Args:
        pair: a volume and its mask volume, or None.
        out: folder for the slices.
        axis: the array axis to cut along.
        grey_line: (offset, scale); a voxel value is ``offset + scale * grey level``, clipped at its ends.
        mask_threshold: see ``binarise_mask``; the mask is looked at as a whole.
        drop_empty: whether slices whose mask has no foreground are left out.
        labels: see ``pair_classes``. Without them masks are written as 0 and 255, with them as class numbers.

    Returns:
        Indices, in the file's order, of the slices that were written.

    Raises:
        ValueError: see ``pair_classes``.
    """
    record = out / f"{pair.stem}.json"
    named = None if labels is None else asdict(labels)
    signature = json.loads(json.dumps([_stamp(pair), axis, [*grey_line], mask_threshold, drop_empty, named]))
    if record.is_file():
        known = json.loads(record.read_text(encoding="utf-8"))
        if known["signature"] == signature:
            return list(known["slices"])
    volume = Volume(pair.image)
    slices = slice_view(volume.stored, volume.affine, axis)
    masks = None
    if pair.mask is not None:
        masks = slice_view(pair_classes(pair, labels, mask_threshold), volume.affine, axis)
    offset, scale = grey_line
    written = []
    for index, stored in enumerate(slices):
        empty = masks is None or not ((masks[index] > 0) & (masks[index] < IGNORED)).any()
        if empty and (stored.min() == stored.max() or (drop_empty and masks is not None)):
            continue
        grey = np.rint((volume.values(stored) - offset) / scale).clip(0, GREY_LEVELS).astype(np.uint16)
        name = f"{slice_stem(pair.stem, index)}.png"
        write_image_png(out / "images" / name, grey)
        if masks is not None and labels is None:
            write_mask_png(out / "masks" / name, masks[index])
        elif masks is not None:
            with atomic_path(out / "masks" / name) as temporary:
                mask_image(masks[index]).save(temporary, format="PNG")
        written.append(index)
    write_json(record, {"signature": signature, "slices": written})
    return written


def _stamp(pair: ImagePair) -> list[Any]:
    return [[str(f.absolute()), f.stat().st_size, f.stat().st_mtime_ns] for f in (pair.image, *pair.masks)]

"""Which items are one case (a picture, or all slices of a volume), which cases are of one patient, and their scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes

from ssgnet_monai.data.image_files import is_volume
from ssgnet_monai.data.volumes.cut import slice_stem
from ssgnet_monai.data.volumes.view import slice_axes
from ssgnet_monai.data.volumes.volume import Volume


def case_names(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """The case of every item: slices of one volume have one name, every other image its own.

    Args:
        items: of a datalist, or slices of ``slice_items``.
    """
    return [_case(item) for item in items]


def group_names(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """The group (patient) of every item; an item without one is in a group with its own case alone."""
    return [f"group {item['group']}" if item.get("group") is not None else f"case {_case(item)}" for item in items]


def case_spacing(item: Mapping[str, Any], shape: Sequence[int]) -> tuple[float, float, float] | None:
    """Distance of neighbouring voxels of a case, as it is given to a network.

    Args:
        item: a volume, or a slice of one: a NIfTI file, or a picture with its volume's "affine" and "shape".
        shape: of the case's masks: (N, H, W), slices as ``slice_view`` has them and resized to any H, W; of a whole
            volume (X, Y, Z), in the order of the file's axes, perhaps resized.

    Returns:
        Three lengths in mm, along the axes of ``shape``; None for pictures, whose spacing nobody has told.
    """
    if is_volume(item["image"]):
        volume = Volume(item["image"])
        affine, full = volume.affine, volume.shape
    elif "affine" in item and "shape" in item:
        affine, full = np.asarray(item["affine"], np.float64), tuple(item["shape"])
    else:
        return None
    axes = slice_axes(affine, int(item["axis"])) if "slice" in item else (0, 1, 2)
    lengths = voxel_sizes(affine)[list(axes)] * np.array([full[axis] for axis in axes])
    if "slice" in item:  # each slice is one voxel thick, whether or not all slices are there
        return float(voxel_sizes(affine)[axes[0]]), float(lengths[1] / shape[1]), float(lengths[2] / shape[2])
    x, y, z = lengths / np.asarray(shape)
    return float(x), float(y), float(z)


def _case(item: Mapping[str, Any]) -> str:
    path = Path(item["image"])
    if "slice" not in item or is_volume(path):
        return str(path)
    return str(path.with_name(path.stem.removesuffix(slice_stem("", int(item["slice"])))))

"""Which items are one case (a picture, or all slices of a volume), which cases are of one patient, and their scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.orientations import io_orientation

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
    """Distance of neighbouring voxels of a case on the grid on which a network sees it.

    Args:
        item: a volume, or a slice of one: a NIfTI file, or a picture with its volume's "affine" and "shape".
        shape: of the case's masks: (N, H, W), slices as ``slice_view`` has them, resized to any H and W; of a whole
            volume (X, Y, Z), as ``volumes.network_grid`` has them, perhaps resampled.

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
    cut = "slice" in item
    axes = list(slice_axes(affine, int(item["axis"])) if cut else io_orientation(affine)[:, 0].argsort())
    before = np.array([full[axis] for axis in axes])
    now = np.array([before[0], *shape[1:]] if cut else shape)  # whichever slices there are, none is made thicker
    x, y, z = voxel_sizes(affine)[axes] * before / now
    return float(x), float(y), float(z)


def _case(item: Mapping[str, Any]) -> str:
    path = Path(item["image"])
    if "slice" not in item or is_volume(path):
        return str(path)
    return str(path.with_name(path.stem.removesuffix(slice_stem("", int(item["slice"])))))

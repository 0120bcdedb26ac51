"""The grid on which a three-dimensional network sees a volume, and the way back to the file's own.

Two scanners store one patient in different orders of the axes. A network sees all volumes alike: the array axis that is
closest to left-right comes first and runs to the right, then to the front, then up. Nothing is interpolated by that.
Where the training volumes were resampled to one spacing, so is a volume here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from nibabel.affines import voxel_sizes
from nibabel.orientations import inv_ornt_aff, io_orientation

from ssgnet_monai.data.volumes.resample import file_spacing, resample

SAME = 1e-3
"""Relative difference of two spacings that are one."""


def canonical_view(voxels: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """A volume with its axes as near to right, front and up as they are: a view, what is written in lands in it.

    Args:
        voxels: (I, J, K) array in the file's order.
        affine: (4, 4) voxel to patient coordinates (RAS+).

    Returns:
        (X, Y, Z) view.
    """
    orientation = io_orientation(affine).astype(int)
    order = np.argsort(orientation[:, 0])
    return voxels.transpose(order)[tuple(slice(None, None, orientation[axis, 1]) for axis in order)]


def on_network_grid(
    voxels: np.ndarray, affine: np.ndarray, spacing: Sequence[float] | None, mode: str
) -> tuple[np.ndarray, np.ndarray]:
    """A volume as the network sees it.

    Args:
        voxels: (I, J, K) array in the file's order.
        affine: (4, 4) voxel to patient coordinates (RAS+), in mm.
        spacing: mm along right, front and up, as in preparation; None: as it is.
        mode: "bilinear", or "nearest" for labels.

    Returns:
        ((X, Y, Z) array, contiguous; its affine).
    """
    if _resampled(affine, spacing):
        assert spacing is not None
        voxels, affine = resample(voxels, affine, spacing, mode)
    turned = affine @ inv_ornt_aff(io_orientation(affine), voxels.shape)
    return np.ascontiguousarray(canonical_view(voxels, affine)), turned


def on_file_grid(
    values: torch.Tensor, shape: Sequence[int], affine: np.ndarray, spacing: Sequence[float] | None
) -> torch.Tensor:
    """What a network said of a volume, on the voxels of its file.

    Args:
        values: (C, X, Y, Z) float, on the grid of :func:`on_network_grid`.
        shape: (I, J, K) of the file.
        affine: (4, 4) of the file.
        spacing: as it was given there.

    Returns:
        (C, I, J, K), linearly interpolated where the spacing was changed.
    """
    orientation = io_orientation(affine).astype(int)
    backwards = [1 + axis for axis, direction in orientation if direction < 0]
    values = values.flip(backwards) if backwards else values
    values = values.permute(0, *(1 + orientation[:, 0]).tolist())
    if not _resampled(affine, spacing):
        return values
    assert spacing is not None
    steps = voxel_sizes(affine) / np.asarray(file_spacing(affine, spacing))
    for axis, (length, step) in enumerate(zip(shape, steps, strict=True), start=1):
        values = _interpolated(values, axis, torch.arange(length, device=values.device) * float(step))
    return values


def _resampled(affine: np.ndarray, spacing: Sequence[float] | None) -> bool:
    wanted = None if spacing is None else file_spacing(affine, spacing)
    return wanted is not None and not np.allclose(voxel_sizes(affine), wanted, rtol=SAME, atol=0)


def _interpolated(values: torch.Tensor, axis: int, places: torch.Tensor) -> torch.Tensor:
    """Linear interpolation along one axis; beyond its ends the last voxel's value."""
    last = values.shape[axis] - 1
    places = places.clamp(0, last)
    before = places.floor().long()
    weight = (places - before).to(values.dtype).view(*[-1 if a == axis else 1 for a in range(values.ndim)])
    after = (before + 1).clamp(max=last)
    return torch.lerp(values.index_select(axis, before), values.index_select(axis, after), weight)

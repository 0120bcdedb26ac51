"""Whether a mask lies where its volume lies, and what to do where it does not."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path

import numpy as np
from nibabel.affines import voxel_sizes

NEAR = 0.1
"""Voxels between two places that are still the same place."""


def same_places(
    shape: tuple[int, ...], affine: np.ndarray, other_shape: tuple[int, ...], other_affine: np.ndarray
) -> bool:
    """Whether the voxels of two grids lie at the same places: no corner is a tenth of a voxel apart.

    Args:
        shape: (I, J, K) of one grid.
        affine: (4, 4) of one grid.
        other_shape: of the other.
        other_affine: of the other.
    """
    if shape != other_shape:
        return False
    apart = np.abs(_corners(shape) @ (affine - other_affine).T).max()
    return bool(apart < NEAR * min(*voxel_sizes(affine), *voxel_sizes(other_affine)))


def check_places(
    shape: tuple[int, ...],
    affine: np.ndarray,
    mask_shape: tuple[int, ...],
    mask_affine: np.ndarray,
    mask: str | Path,
    volume: str | Path | None = None,
) -> None:
    """Refuse a mask on another grid than its volume.

    Args:
        shape: (I, J, K) of the volume.
        affine: (4, 4) of the volume.
        mask_shape: of the mask.
        mask_affine: of the mask.
        mask: the mask's file, for the message.
        volume: the volume's NIfTI file, for the message; None where it is of another format.

    Raises:
        ValueError: it has another shape, or lies at another place.
    """
    if not same_places(shape, affine, mask_shape, mask_affine):
        raise other_places(shape, affine, mask_shape, mask_affine, mask, volume)


def other_places(
    shape: tuple[int, ...],
    affine: np.ndarray,
    mask_shape: tuple[int, ...],
    mask_affine: np.ndarray,
    mask: str | Path,
    volume: str | Path | None = None,
) -> ValueError:
    """The error of a mask on another grid than its volume; arguments as of ``check_places``."""
    return ValueError(
        f"Expected a mask of shape {shape} and affine {affine.round(3).tolist()}, as its volume, got shape "
        f"{mask_shape} and affine {mask_affine.round(3).tolist()} in {mask}. "
        + _advice(shape, affine, mask_shape, mask_affine, mask, volume)
    )


def _advice(
    shape: tuple[int, ...],
    affine: np.ndarray,
    mask_shape: tuple[int, ...],
    mask_affine: np.ndarray,
    mask: str | Path,
    volume: str | Path | None,
) -> str:
    """Resampling empties a mask that says nothing, or something wrong, of its place."""
    bare = [name for name, grid in (("mask", (mask_shape, mask_affine)), ("volume", (shape, affine))) if _bare(*grid)]
    copied = f"If it was drawn on the volume's voxels, copy the volume's affine: {_copy_command(affine, mask, volume)}"
    if bare:
        placeless = f"The {bare[0]} has no place of its own (an affine without direction and origin)."
        if shape == mask_shape:
            return f"{placeless} {copied}"
        order = (
            " Its axes seem to be in another order (numpy.transpose)." if sorted(shape) == sorted(mask_shape) else ""
        )
        return f"{placeless}{order} Save the mask on the volume's own grid, in the program in which it was drawn."
    if _share(shape, affine, mask_shape, mask_affine) > 0.5:
        return "Resample it onto the volume without interpolation (nibabel.processing.resample_from_to with order=0)."
    wrong = "The two lie at different places, as those of two patients do: pair the mask with its own volume."
    return f"{wrong} {copied}" if shape == mask_shape else wrong


def _corners(shape: tuple[int, ...]) -> np.ndarray:
    return np.array([(*(np.array(c) * (np.array(shape) - 1)), 1) for c in np.ndindex(2, 2, 2)])


def _bare(shape: tuple[int, ...], affine: np.ndarray) -> bool:
    """Whether an affine is the identity (of RAS+ or LPS+), or what readers make of spacings alone: a central origin."""
    straight = np.count_nonzero(affine[:3, :3] - np.diag(np.diag(affine)[:3])) == 0
    centre = affine @ [*((np.array(shape) - 1) / 2), 1]
    return straight and (np.array_equal(np.abs(affine), np.eye(4)) or bool(np.abs(centre[:3]).max() < 1e-3))


def _share(shape: tuple[int, ...], affine: np.ndarray, mask_shape: tuple[int, ...], mask_affine: np.ndarray) -> float:
    """How much of the smaller box lies in the other one, in the directions of the volume's axes."""
    places = (_corners(mask_shape) @ (np.linalg.inv(affine) @ mask_affine).T)[:, :3]
    low, high = places.min(0) - 0.5, places.max(0) + 0.5
    common = np.minimum(high, np.array(shape) - 0.5) - np.maximum(low, -0.5)
    return float(np.prod(common.clip(0)) / min(math.prod(shape), np.prod(high - low)))


def _copy_command(affine: np.ndarray, mask: str | Path, volume: str | Path | None) -> str:
    source = str(affine.tolist()) if volume is None else f"n.load({json.dumps(str(volume))}).affine"
    code = (
        f"import nibabel as n, numpy as np; p = {json.dumps(str(mask))}; m = n.load(p); "
        f"n.save(n.Nifti1Image(np.array(m.dataobj).reshape(m.shape[:3]), {source}, m.header), p)"
    )
    return f"python -c {shlex.quote(code)}"

"""One NIfTI volume: its header checked before any voxel is read, its voxels read once, in their stored type."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import cast

import nibabel
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.arrayproxy import ArrayProxy
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

MAX_GIGABYTES = 4.0
"""Largest volume in its stored type; a CT of 512 x 512 x 4000 voxels has two."""
# What nibabel raises for missing, unknown, truncated and broken files.
UNREADABLE = (OSError, EOFError, zlib.error, ImageFileError, HeaderDataError, ValueError)
# Singular to the precision of a header's 32-bit numbers: the volume of a voxel relative to that of its box.
FLAT = 1e-4


class Volume:
    """A three-dimensional NIfTI file.

    Args:
        path: ``.nii`` or ``.nii.gz``.

    Raises:
        ValueError: an unreadable or too large file, another number of dimensions, RGB or complex voxels, an affine
            that maps voxels to no place.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        with _readable(self.path):
            image = nibabel.load(self.path)
        if not isinstance(image, nibabel.Nifti1Image):  # NIfTI-2 is a subclass
            raise ValueError(f"Expected a NIfTI volume, got {type(image).__name__} in {path}. Save it as .nii.gz.")
        self.image, self._proxy = image, cast(ArrayProxy, image.dataobj)
        self.shape = tuple(int(length) for length in image.shape)
        self.affine = np.asarray(image.affine, np.float64)
        self._check_header()

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxels along each array axis, in the file's unit (mm)."""
        x, y, z = np.sqrt((self.affine[:3, :3] ** 2).sum(0))
        return float(x), float(y), float(z)

    @cached_property
    def stored(self) -> np.ndarray:
        """The stored voxels, without the header's slope and intercept; uncompressed files are mapped, not read.

        Raises:
            ValueError: truncated or damaged data, NaN or infinite voxels.
        """
        with _readable(self.path):
            voxels = self._proxy.get_unscaled()
        if voxels.dtype.kind == "f":
            wrong = sum(int(np.count_nonzero(~np.isfinite(voxels[..., k]))) for k in range(self.shape[2]))
            if wrong:
                raise ValueError(
                    f"Expected finite voxels, got NaN or infinity in {wrong} of {voxels.size} voxels of {self.path}. "
                    "Give them a value (numpy.nan_to_num) and save the volume again."
                )
        return voxels

    def values(self, stored: np.ndarray) -> np.ndarray:
        """Voxel values (HU in CT) of stored ones: the header's slope and intercept applied, float64."""
        return stored.astype(np.float64) * self._proxy.slope + self._proxy.inter

    def _check_header(self) -> None:
        dtype = self.image.get_data_dtype()
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(
                f"Expected a volume of three dimensions, got shape {self.shape} in {self.path}. "
                "Save one volume a file (nibabel.funcs.four_to_three cuts a series)."
            )
        if dtype.fields is not None or dtype.kind not in "iuf":
            kind = "RGB voxels" if dtype.fields is not None else f"voxels of type {dtype}"
            raise ValueError(
                f"Expected one real number a voxel, got {kind} in {self.path}. "
                "Save one channel, or the magnitude, as a volume of its own."
            )
        gigabytes = math.prod(self.shape) * dtype.itemsize / 1e9
        if gigabytes > MAX_GIGABYTES:
            raise ValueError(
                f"Expected a volume of at most {MAX_GIGABYTES:g} GB, got shape {self.shape} of {dtype} "
                f"({gigabytes:.1f} GB) in {self.path}. Crop it or cut it into parts."
            )
        box = math.prod(self.spacing)
        if not np.isfinite(self.affine).all() or abs(np.linalg.det(self.affine[:3, :3])) <= FLAT * box:
            raise ValueError(
                f"Expected an affine of three independent directions, got {self.affine.tolist()} in {self.path}. "
                "Convert the volume from its source again."
            )


def same_grid(one: Volume, other: Volume) -> bool:
    """Whether the voxels of two volumes lie at the same places; see ``same_places``."""
    return same_places(one.shape, one.affine, other.shape, other.affine)


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
    corners = np.array([(*(np.array(c) * (np.array(shape) - 1)), 1) for c in np.ndindex(2, 2, 2)])
    apart = np.abs(corners @ (affine - other_affine).T).max()
    return bool(apart < 0.1 * min(*voxel_sizes(affine), *voxel_sizes(other_affine)))


def check_places(
    shape: tuple[int, ...], affine: np.ndarray, mask_shape: tuple[int, ...], mask_affine: np.ndarray, mask: str | Path
) -> None:
    """Refuse a mask on another grid than its volume.

    Args:
        shape: (I, J, K) of the volume.
        affine: (4, 4) of the volume.
        mask_shape: of the mask.
        mask_affine: of the mask.
        mask: the mask's file, for the message.

    Raises:
        ValueError: it has another shape, or lies at another place.
    """
    if not same_places(shape, affine, mask_shape, mask_affine):
        raise other_places(shape, affine, mask_shape, mask_affine, mask)


def other_places(
    shape: tuple[int, ...], affine: np.ndarray, mask_shape: tuple[int, ...], mask_affine: np.ndarray, mask: str | Path
) -> ValueError:
    """The error of a mask on another grid than its volume; arguments as of ``check_places``."""
    return ValueError(
        f"Expected a mask of shape {shape} and affine {affine.round(3).tolist()}, as its volume, got shape "
        f"{mask_shape} and affine {mask_affine.round(3).tolist()} in {mask}. Resample it onto the volume without "
        "interpolation (nibabel.processing.resample_from_to with order=0)."
    )


@contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else "no details"
        raise ValueError(
            f"Expected a readable NIfTI volume, got {type(error).__name__} ({reason}) in {path}. "
            "Copy it from its source again, or remove it."
        ) from error

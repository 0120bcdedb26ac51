"""One NIfTI volume: its header checked before any voxel is read, its voxels read once, in their stored type."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import cast

import nibabel
import numpy as np
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
    """A three-dimensional NIfTI file; a picture is one slice, axes of length one after the third are dropped.

    Args:
        path: ``.nii`` or ``.nii.gz``.

    Raises:
        ValueError: an unreadable or too large file, or one of another size than its header says; another number of
            dimensions, RGB or complex voxels, an affine that maps voxels to no place.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        with _readable(self.path):
            image = nibabel.load(self.path)
        if not isinstance(image, nibabel.Nifti1Image):  # NIfTI-2 is a subclass
            raise ValueError(f"Expected a NIfTI volume, got {type(image).__name__} in {path}. Save it as .nii.gz.")
        self.image, self._proxy = image, cast(ArrayProxy, image.dataobj)
        shape = tuple(int(length) for length in image.shape)
        if len(shape) == 2:
            shape = (*shape, 1)
        self.shape = shape[:3] if set(shape[3:]) <= {1} else shape
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
            voxels = self._unpacked() if self._packed else self._proxy.get_unscaled().reshape(self.shape, order="F")
        if voxels.dtype.kind == "f":
            self._check_finite(voxels)
        return voxels

    def values(self, stored: np.ndarray) -> np.ndarray:
        """Voxel values (HU in CT) of stored ones: the header's slope and intercept applied, float64."""
        return stored.astype(np.float64) * self._proxy.slope + self._proxy.inter

    @property
    def scaled(self) -> np.ndarray:
        """The voxel values: the stored integers, or float64 where the header's slope and intercept change them."""
        return self._scale(self.stored)

    def scaled_layer(self, k: int) -> np.ndarray:
        """The same of one layer along the last axis: (I, J)."""
        return self._scale(self.stored[..., k])

    def _scale(self, stored: np.ndarray) -> np.ndarray:
        return stored if (self._proxy.slope, self._proxy.inter) == (1, 0) else self.values(stored)

    @property
    def _packed(self) -> bool:
        return self.path.lower().endswith(".gz")

    @property
    def _size(self) -> int:
        """Bytes of the file, uncompressed, that its header announces."""
        return int(self._proxy.offset) + math.prod(self.shape) * self.image.get_data_dtype().itemsize

    def _unpacked(self) -> np.ndarray:
        """Read to the end, where gzip compares the checksum of all bytes, and nibabel does not come."""
        with gzip.open(self.path) as file:
            content = file.read(self._size + 1)
            self._check_size(len(content) if len(content) <= self._size else f"more than {self._size}")
        voxels = np.frombuffer(content, self.image.get_data_dtype(), math.prod(self.shape), self._proxy.offset)
        return voxels.reshape(self.shape, order="F")

    def _check_size(self, found: int | str) -> None:
        if found != self._size:
            raise ValueError(f"{found} bytes, where its header announces {self._size}")

    def _check_finite(self, voxels: np.ndarray) -> None:
        layers = range(self.shape[2])
        wrong = sum(int(np.count_nonzero(~np.isfinite(voxels[..., k]))) for k in layers)
        if not wrong:
            return
        finite = self.values(voxels[np.isfinite(voxels)])
        low, high = (finite.min(), finite.max()) if finite.size else (0, 0)
        raise ValueError(
            f"Expected finite voxels, got NaN or infinity in {wrong} of {voxels.size} voxels of {self.path}. Give them "
            f"a value and save the volume again: in a mask 0, else such as the lowest and highest of the others "
            f"(numpy.nan_to_num(values, nan={low:g}, neginf={low:g}, posinf={high:g}))."
        )

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
        if not self._packed:
            with _readable(self.path):
                self._check_size(os.path.getsize(self.path))
        box = math.prod(self.spacing)
        if not np.isfinite(self.affine).all() or abs(np.linalg.det(self.affine[:3, :3])) <= FLAT * box:
            raise ValueError(
                f"Expected an affine of three independent directions, got {self.affine.tolist()} in {self.path}. "
                "Convert the volume from its source again."
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

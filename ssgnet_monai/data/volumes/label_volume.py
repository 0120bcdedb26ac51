"""Masks that a viewer saved: NIfTI or NRRD, of a volume or of one picture."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

from ssgnet_monai.data.image_files import is_volume
from ssgnet_monai.data.volumes.nrrd import read_nrrd
from ssgnet_monai.data.volumes.view import slice_view
from ssgnet_monai.data.volumes.volume import Volume, check_places

NRRD = ".nrrd"


def is_label_volume(path: str | Path) -> bool:
    """Whether a file is NIfTI or NRRD, by its name."""
    return is_volume(path) or str(path).lower().endswith(NRRD)


def read_label_volume(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a mask.

    Args:
        path: ``.nii``, ``.nii.gz`` or ``.nrrd``; values above 0 are foreground.

    Returns:
        ((I, J, K) bool, (4, 4) affine to RAS+ mm).

    Raises:
        ValueError: unreadable, or not two- or three-dimensional.
    """
    if is_volume(path):
        image = nibabel.load(path)
        if len(image.shape) == 2:  # type: ignore[attr-defined]
            return np.asarray(image.dataobj)[..., None] > 0, np.asarray(image.affine)  # type: ignore[attr-defined]
        volume = Volume(path)
        return volume.values(volume.stored) > 0, volume.affine
    values, affine = read_nrrd(path)
    return values > 0, affine


def label_slices(path: str | Path, image: Volume, axis: int) -> np.ndarray:
    """The masks of all slices of a volume.

    Args:
        path: see :func:`read_label_volume`.
        image: the volume; the mask must lie on its grid.
        axis: array axis along which the volume is cut.

    Returns:
        (N, H, W) bool, upright as ``slice_view`` has it.

    Raises:
        ValueError: the mask lies on another grid.
    """
    mask, affine = read_label_volume(path)
    check_places(image.shape, image.affine, mask.shape, affine, path)
    return slice_view(mask, image.affine, axis)


def picture_label(path: str | Path, shape: tuple[int, int]) -> np.ndarray:
    """The mask of a picture that a viewer saved as a volume of one slice, turned to the picture's rows and columns.

    Args:
        path: see :func:`read_label_volume`.
        shape: (H, W) of the picture.

    Returns:
        (H, W) bool.

    Raises:
        ValueError: another size, or more slices.
    """
    mask, affine = read_label_volume(path)
    slices = slice_view(mask, affine, 2)  # viewers place a picture's columns to the left, its rows to the back
    if slices.shape != (1, *shape):
        raise ValueError(
            f"Expected a mask of one slice of {shape} pixels (height, width), got {slices.shape} in {path}. Save the "
            "segmentation on the picture's own grid."
        )
    return slices[0]

"""Masks that a viewer saved: NIfTI or NRRD, of a volume or of one picture."""

from __future__ import annotations

from pathlib import Path

import itk
import nibabel
import numpy as np

from ssgnet_monai.data.image_files import is_volume
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
    try:
        image = itk.imread(str(path))
    except RuntimeError as error:
        raise ValueError(f"Expected a readable NRRD mask, got {type(error).__name__} in {path}.") from error
    values = np.asarray(itk.array_view_from_image(image)).T
    if values.ndim not in (2, 3):
        raise ValueError(f"Expected a mask of two or three dimensions, got {values.ndim} in {path}. Save one segment.")
    n = values.ndim
    affine = np.eye(4)
    affine[:n, :n] = itk.array_from_matrix(image.GetDirection()) * np.asarray(image.GetSpacing())
    affine[:n, 3] = np.asarray(image.GetOrigin())
    return (values if n == 3 else values[..., None]) > 0, np.diag([-1.0, -1, 1, 1]) @ affine


def label_slice(path: str | Path, image: Volume, axis: int, index: int) -> np.ndarray:
    """The mask of one slice of a volume.

    Args:
        path: see :func:`read_label_volume`.
        image: the volume; the mask must lie on its grid.
        axis: array axis along which the volume is cut.
        index: index on that axis.

    Returns:
        (H, W) bool, upright as ``slice_view`` has it.

    Raises:
        ValueError: the mask lies on another grid.
    """
    mask, affine = read_label_volume(path)
    check_places(image.shape, image.affine, mask.shape, affine, path)
    return slice_view(mask, image.affine, axis)[index]


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

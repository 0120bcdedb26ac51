"""Where viewers place a picture: what ITK, on which 3D Slicer is built, reads of its resolution and position."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

import numpy as np

from ssgnet_monai.data.image_files import is_dicom
from ssgnet_monai.data.open_picture import open_picture
from ssgnet_monai.data.orientation import FLIPS, orientation_of, turn_back, turn_upright
from ssgnet_monai.data.volumes.nrrd import ITK_LOCK, LPS_TO_RAS


def picture_affine(path: str | Path) -> np.ndarray:
    """The place of a picture's pixels, as one slice.

    Args:
        path: a picture; PNG, JPEG and TIFF may tell a resolution, DICOM a position too.

    Returns:
        (4, 4) affine from (column, row, 0) to RAS+ millimetres; pixels of 1 mm from the origin, columns to the left and
        rows to the back, where the file tells nothing that ITK reads.
    """
    affine = np.eye(4)
    with ITK_LOCK, suppress(RuntimeError):  # ITK knows fewer kinds of TIFF and BMP than Pillow
        import itk

        io = itk.ImageIOFactory.CreateImageIO(str(path), itk.CommonEnums.IOFileMode_ReadMode)
        if io is not None:
            io.SetFileName(str(path))
            io.ReadImageInformation()
            n = min(io.GetNumberOfDimensions(), 3)
            direction = np.array([io.GetDirection(axis) for axis in range(n)])[:, :n].T
            affine[:n, :n] = direction * [io.GetSpacing(axis) for axis in range(n)]
            affine[:n, 3] = [io.GetOrigin(axis) for axis in range(n)]
    return LPS_TO_RAS @ affine


def seen_by_itk(mask: np.ndarray, path: str | Path) -> np.ndarray:
    """An upright mask on the pixels that ITK reads of a picture.

    ITK knows no EXIF: it shows JPEG and PNG as they are stored. Of a TIFF's orientation it follows the mirroring and
    leaves the axes.

    Args:
        mask: (H, W), upright.
        path: the picture.

    Returns:
        (H, W), or (W, H) where the picture is stored on its side.
    """
    orientation, steps = _turn(path)
    return np.ascontiguousarray(turn_back(mask, orientation)[steps])


def upright_from_itk(mask: np.ndarray, path: str | Path) -> np.ndarray:
    """The inverse of :func:`seen_by_itk`."""
    orientation, steps = _turn(path)
    return turn_upright(mask[steps], orientation)


def _turn(path: str | Path) -> tuple[int, tuple[slice, slice]]:
    """A picture's orientation, and the steps along rows and columns with which ITK reads what is stored."""
    if is_dicom(path) or not Path(path).is_file():  # without a file, pixels are where they are, as above
        return 1, np.s_[:, :]
    with open_picture(path, math.inf) as image:
        orientation = orientation_of(image)
        rows, columns = FLIPS[orientation] if image.format == "TIFF" else (1, 1)
    return orientation, np.s_[::rows, ::columns]

"""Where viewers place a picture: what ITK, on which 3D Slicer is built, reads of its resolution and position."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np

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

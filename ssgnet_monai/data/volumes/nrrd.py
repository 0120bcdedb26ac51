"""Reading NRRD volumes with their place in the patient."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
ITK_LOCK = threading.Lock()
"""ITK loads its parts on first use, which threads must not do at once."""


def read_nrrd(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a volume.

    Args:
        path: ``.nrrd`` file of three dimensions, or two (one slice), and one number a voxel.

    Returns:
        ((I, J, K) array in the file's order of axes, first axis fastest; 4x4 affine to RAS+ millimetres).

    Raises:
        ValueError: an unreadable file, or no grey volume.
    """
    import itk

    with ITK_LOCK:
        try:
            image = itk.imread(str(path))
        except (RuntimeError, TypeError, KeyError) as error:
            reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
            raise ValueError(
                f"Expected a readable NRRD volume, got an error of ITK ({reason}) in {path}. Copy it from its source "
                "again."
            ) from error
        voxels = itk.array_from_image(image)
        direction = itk.array_from_matrix(image.GetDirection())
        spacing, origin = np.array(image.GetSpacing()), np.array(image.GetOrigin())
    dimensions = len(spacing)
    if voxels.ndim != dimensions or dimensions not in (2, 3):
        raise ValueError(
            f"Expected a grey volume of two or three dimensions, got {dimensions} dimensions and an array of shape "
            f"{voxels.shape} in {path}. Save one volume a file."
        )
    affine = np.eye(4)
    affine[:dimensions, :dimensions], affine[:dimensions, 3] = direction * spacing, origin
    return np.atleast_3d(voxels.T), LPS_TO_RAS @ affine

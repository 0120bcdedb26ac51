"""Reading NRRD volumes with their place in the patient."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

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
    return _read(path, layered=False)


def read_layers(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a segmentation, which 3D Slicer stores in a list of layers where segments overlap.

    Args:
        path: ``.nrrd`` file.

    Returns:
        ((I, J, K, L) array of L layers; 4x4 affine to RAS+ millimetres).

    Raises:
        ValueError: see ``read_nrrd``.
    """
    voxels, affine = _read(path, layered=True)
    return (voxels if voxels.ndim == 4 else voxels[..., None]), affine


def _read(path: str | Path, layered: bool) -> tuple[np.ndarray, np.ndarray]:
    import itk

    with ITK_LOCK:
        try:
            image = _layers(itk, str(path)) if layered else None
            image = itk.imread(str(path)) if image is None else image
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
    if voxels.ndim - layered * (voxels.ndim == 4) != dimensions or dimensions not in (2, 3):
        raise ValueError(
            f"Expected a grey volume of two or three dimensions, got {dimensions} dimensions and an array of shape "
            f"{voxels.shape} in {path}. Save one volume a file."
        )
    affine = np.eye(4)
    affine[:dimensions, :dimensions], affine[:dimensions, 3] = direction * spacing, origin
    if voxels.ndim == 4:  # ITK's last axis is that of the layers
        return voxels.transpose(2, 1, 0, 3), LPS_TO_RAS @ affine
    return np.atleast_3d(voxels.T), LPS_TO_RAS @ affine


def _layers(itk: Any, path: str) -> Any:
    """A volume of a list of numbers a voxel; None: it has one number, or is no volume."""
    io = itk.ImageIOFactory.CreateImageIO(path, itk.CommonEnums.IOFileMode_ReadMode)
    if io is None:
        return None
    io.SetFileName(path)
    io.ReadImageInformation()
    if io.GetPixelType() != itk.CommonEnums.IOPixel_VECTOR or io.GetNumberOfDimensions() != 3:
        return None
    reader = itk.ImageFileReader[itk.VectorImage[itk.F, 3]].New(FileName=path)
    reader.Update()
    return reader.GetOutput()

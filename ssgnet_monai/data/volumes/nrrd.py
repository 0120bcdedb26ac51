"""Reading NRRD volumes with their place in the patient."""

from __future__ import annotations

import gzip
import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
ELSEWHERE = {"data file", "datafile", "byte skip", "byteskip", "line skip", "lineskip"}
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
            io = itk.NrrdImageIO.New()
            io.SetFileName(str(path))
            io.ReadImageInformation()
            _check_length(path, io.GetImageSizeInBytes())
            image = _layers(itk, io, str(path)) if layered else None
            image = itk.imread(str(path), _wrapped_type(itk, io)) if image is None else image
        except (RuntimeError, TypeError, KeyError, OSError, EOFError, zlib.error) as error:
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


def _wrapped_type(itk: Any, io: Any) -> Any:
    """The type to read into; None: the file's. ITK's Python has no images of signed numbers of 8 and 64 bits."""
    kinds = itk.CommonEnums
    missing = (kinds.IOComponent_CHAR, kinds.IOComponent_LONG, kinds.IOComponent_LONGLONG)
    scalar = io.GetPixelType() == kinds.IOPixel_SCALAR
    return itk.D if scalar and io.GetComponentType() in missing else None


def _check_length(path: str | Path, size: int) -> None:
    """Refuse bytes that were put into the file, which ITK does not miss at its end."""
    with open(path, "rb") as file:
        fields = {}
        for line in iter(file.readline, b""):
            if not line.strip():
                break
            name, _, value = line.decode("latin-1").partition(":")
            fields[name.strip().lower()] = value.strip().lower()
        packed = fields.get("encoding") in ("gzip", "gz")
        if not (packed or fields.get("encoding") == "raw") or fields.keys() & ELSEWHERE:
            return
        content = gzip.GzipFile(fileobj=file) if packed else file
        if len(content.read(size + 1)) > size:
            raise ValueError(
                f"Expected {size} bytes of voxels, as the header says, got more in {path}. Copy it from its source "
                "again, or remove it."
            )


def _layers(itk: Any, io: Any, path: str) -> Any:
    """A volume of a list of numbers a voxel; None: it has one number, or is no volume."""
    if io.GetPixelType() != itk.CommonEnums.IOPixel_VECTOR or io.GetNumberOfDimensions() != 3:
        return None
    reader = itk.ImageFileReader[itk.VectorImage[itk.F, 3]].New(FileName=path)
    reader.Update()
    return reader.GetOutput()

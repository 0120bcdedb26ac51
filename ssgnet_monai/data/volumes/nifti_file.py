"""NIfTI volumes as voxels and their place; what is written holds nothing of the patient."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np

from ssgnet_monai.data.atomic_write import atomic_path
from ssgnet_monai.data.volumes.volume import Volume


def read_nifti(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a volume.

    Args:
        path: ``.nii`` or ``.nii.gz``.

    Returns:
        ((I, J, K) array: integers as stored, or float32 where the header scales them; 4x4 affine to RAS+ millimetres).

    Raises:
        ValueError: see ``Volume``.
    """
    volume = Volume(path)
    stored = volume.stored
    if not np.array_equal(volume.values(np.array([0, 1])), [0, 1]):
        scaled = np.empty(stored.shape, np.float32)
        for index, layer in enumerate(stored):
            scaled[index] = volume.values(layer)
        return scaled, volume.affine
    return stored, volume.affine


def write_nifti(
    path: str | Path,
    voxels: np.ndarray,
    affine: np.ndarray,
    like: nibabel.Nifti1Header | None = None,
    *,
    labels: bool = False,
) -> None:
    """Write a volume atomically with a header of its own; equal volumes give equal bytes.

    Args:
        path: ``.nii`` or ``.nii.gz``.
        voxels: (I, J, K) array. Integers are kept, in 16 bits where they fit; fractions become float32.
        affine: (4, 4) voxel to patient coordinates (RAS+), in mm.
        like: header of a volume on the same grid, whose numbers of place and unit are taken over, and nothing else;
            None: scanner coordinates in mm.
        labels: whether the voxels are class numbers and 255; the file says so by NIfTI's intent "label".
    """
    kind = nibabel.Nifti1Image if max(voxels.shape) < 2**15 else nibabel.Nifti2Image
    image = kind(_storable(voxels), affine)
    if like is None:
        image.set_sform(affine, code="scanner")
        image.set_qform(affine, code="scanner")
        image.header.set_xyzt_units("mm")
    else:
        image.set_sform(like.get_sform(), int(like["sform_code"]))
        image.set_qform(like.get_qform(), int(like["qform_code"]))
        image.header["xyzt_units"] = like["xyzt_units"]
    if labels:
        image.header.set_intent("label")
    content = image.to_bytes()
    with atomic_path(path) as temporary:
        compressed = str(path).lower().endswith(".gz")
        temporary.write_bytes(gzip.compress(content, compresslevel=1, mtime=0) if compressed else content)


def _storable(voxels: np.ndarray) -> np.ndarray:
    if voxels.dtype.kind == "f":
        return voxels.astype(np.float32, copy=False)
    if voxels.dtype.itemsize <= 2:
        return voxels
    lowest, highest = np.iinfo(np.int16).min, np.iinfo(np.int16).max
    fits = lowest <= voxels.min() and voxels.max() <= highest
    return voxels.astype(np.int16 if fits else np.int32)

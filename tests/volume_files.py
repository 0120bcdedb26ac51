"""Tiny NIfTI volumes: anisotropic, negative and without any symmetry."""

from pathlib import Path

import nibabel
import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

SHAPE, SPACING = (20, 24, 6), (0.7, 0.8, 5.0)


def oblique(degrees=20.0, spacing=SPACING):
    """An affine whose slices are tilted about the patient's left-right axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    affine = np.eye(4)
    affine[:3, :3] = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) * spacing
    affine[:3, 3] = (-12, 30, 7)
    return affine


def f_mask(shape=SHAPE):
    """An F-like solid that no flip or swap of axes maps onto itself."""
    mask = np.zeros(shape, np.uint8)
    mask[4:16, 3:6, 1:5] = mask[4:7, 3:20, 1:4] = mask[9:11, 3:12, 2] = 1
    return mask


def ct(seed=0, shape=SHAPE):
    """Noise of negative and positive values, with the F-like solid bright in it."""
    noise = np.random.default_rng(seed).integers(-1024, -500, shape)
    return np.where(f_mask(shape), noise + 1400, noise).astype(np.int16)


def write(path, voxels, affine=None, slope=None, inter=None):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(voxels, oblique() if affine is None else affine)
    if slope is not None:
        image.header.set_slope_inter(slope, inter)
    nibabel.save(image, path)
    return Path(path)


def stored_as(codes, voxels, affine):
    """The same volume with its axes in the order and directions of ``codes``, such as ``"PSR"``."""
    change = ornt_transform(io_orientation(affine), axcodes2ornt(codes))
    return apply_orientation(voxels, change), affine @ inv_ornt_aff(change, voxels.shape)


def dataset(root, number=4, masks=True, **options):
    for index in range(number):
        write(root / "images" / f"case{index}.nii.gz", ct(index), **options)
        if masks:
            write(root / "masks" / f"case{index}_mask.nii", np.roll(f_mask(), index, axis=1), **options)
    return root / "images", root / "masks" if masks else None

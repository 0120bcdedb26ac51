"""Tiny NRRD volumes, written by ITK as scanners' tools write them."""

from pathlib import Path

import itk
import numpy as np


def write(path, voxels, affine):
    """Write (I, J, K) voxels with their affine in RAS+."""
    lps = np.diag([-1, -1, 1, 1]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = itk.image_from_array(np.ascontiguousarray(voxels.transpose(2, 1, 0)))
    image.SetSpacing([float(length) for length in spacing])
    image.SetOrigin([float(place) for place in lps[:3, 3]])
    image.SetDirection(itk.matrix_from_array(np.ascontiguousarray(lps[:3, :3] / spacing)))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    itk.imwrite(image, str(path))
    return Path(path)

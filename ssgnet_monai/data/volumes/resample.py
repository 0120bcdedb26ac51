"""A volume at another spacing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from nibabel.orientations import io_orientation


def resample(
    voxels: np.ndarray, affine: np.ndarray, spacing: Sequence[float], mode: str
) -> tuple[np.ndarray, np.ndarray]:
    """Resample a volume along its own axes; its orientation stays.

    Args:
        voxels: (I, J, K) array.
        affine: (4, 4) to RAS+ millimetres.
        spacing: mm along the patient's axes, left-right, back-front and down-up, in whatever order the file has them.
        mode: "bilinear", or "nearest" for labels.

    Returns:
        (array, float32, or of the input's type with "nearest"; its affine).
    """
    from monai.data import MetaTensor  # takes seconds to import, which folders of pictures need not wait for
    from monai.transforms import Spacing

    tensor = MetaTensor(torch.from_numpy(voxels.astype(np.float32))[None], affine=torch.from_numpy(affine.copy()))
    found = Spacing(pixdim=tuple(file_spacing(affine, spacing)), mode=mode, padding_mode="border", dtype=np.float32)(
        tensor
    )
    assert isinstance(found, MetaTensor)
    array = found.numpy()[0]
    return (array.astype(voxels.dtype) if mode == "nearest" else array), found.affine.numpy().astype(np.float64)


def file_spacing(affine: np.ndarray, spacing: Sequence[float]) -> list[float]:
    """A spacing along the patient's axes in the order of a file's own.

    Args:
        affine: (4, 4) to RAS+ millimetres.
        spacing: mm left-right, back-front and down-up.

    Returns:
        mm along each axis of the file.
    """
    return [spacing[int(axis)] for axis in io_orientation(affine)[:, 0]]

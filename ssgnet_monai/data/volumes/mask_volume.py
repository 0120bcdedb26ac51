"""A mask volume that is filled slice by slice and written on the grid of its image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ssgnet_monai.data.volumes.nifti_file import write_nifti
from ssgnet_monai.data.volumes.view import slice_view
from ssgnet_monai.data.volumes.volume import Volume


class MaskVolume:
    """A mask of a volume's shape, affine and spacing, in the file's own voxel order.

    Args:
        path: the image volume.
        axis: the array axis along which it is cut.
    """

    def __init__(self, path: str | Path, axis: int) -> None:
        self.volume = Volume(path)
        self._mask = np.zeros(self.volume.shape, np.uint8)
        self._slices = slice_view(self._mask, self.volume.affine, axis)
        self._missing = set(range(len(self._slices)))

    @property
    def complete(self) -> bool:
        """Whether every slice has come."""
        return not self._missing

    def put(self, index: int, mask: np.ndarray) -> None:
        """Set a slice.

        Args:
            index: index on the axis, in the file's order.
            mask: (H, W) upright slice, class numbers.
        """
        self._slices[index] = mask
        self._missing.discard(index)

    def write(self, path: str | Path) -> None:
        """Write uint8 class numbers atomically, as ``.nii`` or ``.nii.gz``, see ``write_nifti``."""
        write_mask_volume(path, self._mask, self.volume)


def write_mask_volume(path: str | Path, classes: np.ndarray, volume: Volume) -> None:
    """Write a mask on the grid of its image, atomically.

    Args:
        path: ``.nii`` or ``.nii.gz``.
        classes: (I, J, K) uint8, class numbers and 255, in the volume's own order of voxels.
        volume: the image.
    """
    write_nifti(path, classes, volume.affine, volume.image.header, labels=True)

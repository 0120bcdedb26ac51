"""How a volume is seen as a stack of pictures: which axis is cut, and which way up each slice stands.

The file's voxel order is never trusted: two scanners store the same patient in different orders. Every slice is turned
by the affine into the view that radiologists know: the patient's right on the left of the picture, anterior or
superior at the top. Rows come first, as everywhere in the project. Oblique volumes are cut along the array axis that is
closest to the wanted direction; nothing is resampled.
"""

from __future__ import annotations

import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.orientations import io_orientation

PLANES = ("sagittal", "coronal", "axial")
"""By the patient axis (left-right, posterior-anterior, inferior-superior) along which the slices are stacked."""
THICKER = 1.01


def slice_axis(affine: np.ndarray, plane: str | None = None) -> int:
    """The array axis along which a volume is cut.

    Args:
        affine: (4, 4) voxel to patient coordinates (RAS+), in mm.
        plane: one of ``PLANES``; None: the axis of the largest spacing, along which the slices were acquired, and
            axial where no spacing is the largest.

    Returns:
        0, 1 or 2.

    Raises:
        ValueError: an unknown plane.
    """
    if plane is None:
        spacing = voxel_sizes(affine)
        thickest = int(np.argmax(spacing))
        if spacing[thickest] > THICKER * np.delete(spacing, thickest).max():
            return thickest
        plane = "axial"
    if plane not in PLANES:
        raise ValueError(f"Expected a slice plane out of {', '.join(PLANES)}, got {plane!r}.")
    return int(np.flatnonzero(io_orientation(affine)[:, 0] == PLANES.index(plane))[0])


def plane_name(affine: np.ndarray, axis: int) -> str:
    """The plane of slices that are cut along an array axis."""
    return PLANES[int(io_orientation(affine)[axis, 0])]


def slice_view(voxels: np.ndarray, affine: np.ndarray, axis: int) -> np.ndarray:
    """A volume as a stack of upright slices: a view, so that what is written into it lands in the volume.

    Args:
        voxels: (I, J, K) array in the file's order.
        affine: (4, 4) voxel to patient coordinates (RAS+).
        axis: the axis to cut along.

    Returns:
        (N, H, W) view; slice n is index n of ``axis`` in the file's order.
    """
    orientation = io_orientation(affine)
    columns, rows = sorted({0, 1, 2} - {axis}, key=lambda a: float(orientation[a, 0]))
    view = voxels.transpose(axis, rows, columns)
    # Columns run to the patient's left or back, rows to the back or down: away from RAS+, where the affine points.
    return view[:, :: -int(orientation[rows, 1]), :: -int(orientation[columns, 1])]

"""How a volume is seen as a stack of pictures: which axis is cut, and which way up each slice stands.

The file's voxel order is never trusted: two scanners store the same patient in different orders. Every slice is turned
by the affine into the view that radiologists know: the patient's right on the left of the picture, anterior or
superior at the top. Rows come first, as everywhere in the project. Oblique volumes are cut along the array axis that is
closest to the wanted direction; nothing is resampled.
"""

from __future__ import annotations

from collections.abc import Mapping

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


def mixed_planes(plane_of: Mapping[str, str]) -> list[str]:
    """What to tell of volumes that are cut along different planes.

    Args:
        plane_of: the plane of each volume, by its file name.

    Returns:
        No or one sentence.
    """
    names = {plane: [name for name, its in plane_of.items() if its == plane] for plane in PLANES}
    found = sorted(((plane, of) for plane, of in names.items() if of), key=lambda entry: -len(entry[1]))
    if len(found) < 2:
        return []
    counts = " and ".join(f"{len(of)} {plane} (such as {of[0]})" for plane, of in found)
    return [
        f"Slices of different planes are mixed: {counts} volumes, each cut along its thickest axis. One plane for all: "
        f"--slice-plane {found[0][0]} (slice_plane={found[0][0]})."
    ]


def slice_axes(affine: np.ndarray, axis: int) -> tuple[int, int, int]:
    """The array axes that slices, their rows and their columns run along, as ``slice_view`` cuts them."""
    columns, rows = sorted({0, 1, 2} - {axis}, key=lambda a: float(io_orientation(affine)[a, 0]))
    return axis, rows, columns


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
    axis, rows, columns = slice_axes(affine, axis)
    view = voxels.transpose(axis, rows, columns)
    # Columns run to the patient's left or back, rows to the back or down: away from RAS+, where the affine points.
    return view[:, :: -int(orientation[rows, 1]), :: -int(orientation[columns, 1])]

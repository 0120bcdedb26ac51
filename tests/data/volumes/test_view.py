from itertools import permutations, product

import numpy as np
import pytest

from ssgnet_monai.data.volumes.view import plane_name, slice_axis, slice_view
from tests.volume_files import SPACING, ct, oblique, stored_as

ORDERS = ["".join(c) for axes in permutations(["RL", "AP", "SI"]) for c in product(*axes)]


@pytest.mark.parametrize("codes", ORDERS)
def test_slices_look_alike_however_the_file_stores_them(codes):
    voxels, affine = stored_as(codes, ct(), oblique())
    axis = slice_axis(affine)
    assert codes[axis] in "SI"
    slices = slice_view(voxels, affine, axis)
    expected = ct()[::-1, ::-1].transpose(2, 1, 0)  # stored RAS: rows to the back, columns to the left
    if codes[axis] == "I":
        expected = expected[::-1]
    np.testing.assert_array_equal(slices, expected)


def test_each_plane_has_its_radiological_view():
    """One bright voxel at the patient's right, front and top, in a volume stored right, front, top last."""
    voxels = np.zeros((3, 4, 5))
    voxels[2, 3, 4] = 1
    affine = np.diag([-1.0, 1, 1, 1])  # stored left-to-right reversed: index 2 is at the left
    for plane, axis, place in (("axial", 2, (4, 0, 2)), ("coronal", 1, (3, 0, 2)), ("sagittal", 0, (2, 0, 0))):
        assert slice_axis(affine, plane) == axis
        assert plane_name(affine, axis) == plane
        assert tuple(np.argwhere(slice_view(voxels, affine, axis))[0]) == place


def test_what_is_written_into_the_view_lands_in_the_volume():
    voxels, affine = stored_as("PSR", ct(), oblique())
    copy = np.zeros_like(voxels)
    for index, values in enumerate(slice_view(voxels, affine, 1)):
        slice_view(copy, affine, 1)[index] = values
    np.testing.assert_array_equal(copy, voxels)


@pytest.mark.parametrize(
    ("spacing", "axis"), [(SPACING, 2), ((4, 1, 1), 0), ((1, 1, 1), 2), ((3, 1, 3), 2), ((1, 1.005, 1), 2)]
)
def test_the_thickest_axis_is_cut_else_the_axial_one(spacing, axis):
    assert slice_axis(oblique(10, spacing)) == axis
    with pytest.raises(ValueError, match="axial, got 'oblique'"):
        slice_axis(np.eye(4), "oblique")

"""Masks that a viewer saved."""

import itk
import nibabel
import numpy as np
import pytest
from nibabel.affines import from_matvec
from nibabel.orientations import aff2axcodes

from ssgnet_monai.data.volumes.label_volume import is_label_volume, label_slices, picture_label, read_label_volume
from ssgnet_monai.data.volumes.view import slice_view
from ssgnet_monai.data.volumes.volume import Volume
from tests import nrrd_files
from tests.volume_files import ct, f_mask, oblique, stored_as, write

SAVERS = {".nii.gz": write, ".nii": write, ".nrrd": nrrd_files.write}


@pytest.mark.parametrize("suffix", SAVERS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_of_a_mask_lie_on_those_of_the_volume(tmp_path, suffix, axis):
    volume = Volume(write(tmp_path / "image.nii", ct(), oblique()))
    path = SAVERS[suffix](tmp_path / f"mask{suffix}", f_mask(), oblique())
    assert is_label_volume(path)
    found = label_slices(path, volume, axis)
    np.testing.assert_array_equal(found, slice_view(f_mask() > 0, oblique(), axis))


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PSR", "IRA"])
def test_a_part_of_the_grid_in_any_order_of_axes(tmp_path, codes):
    """DICOM-SEG stores the slices that hold something; viewers crop, and turn axes."""
    volume = Volume(write(tmp_path / "image.nii", ct(), oblique()))
    part, moved = f_mask()[3:18, :, 1:5], oblique() @ from_matvec(np.eye(3), [3, 0, 1])
    assert part.sum() == f_mask().sum()
    path = write(tmp_path / "mask.nii", *stored_as(codes, part, moved))
    np.testing.assert_array_equal(label_slices(path, volume, 2), slice_view(f_mask() > 0, oblique(), 2))


@pytest.mark.parametrize(
    "change", [from_matvec(np.eye(3), [0.5, 0, 0]), from_matvec(np.eye(3), [1, 0, 0]), np.diag([1, 1, 2, 1])]
)
def test_a_mask_of_another_grid(tmp_path, change):
    """Between the voxels, beyond the border, of other spacing."""
    volume = Volume(write(tmp_path / "image.nii", ct(), oblique()))
    path = write(tmp_path / "mask.nii", f_mask(), oblique() @ change)
    with pytest.raises(ValueError, match=r"Expected a mask of shape .* as its volume, got .*mask\.nii"):
        label_slices(path, volume, 2)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_picture_as_viewers_save_it(tmp_path, dimensions):
    """Columns to the left, rows to the back, as ITK and 3D Slicer place a picture."""
    mask = f_mask()[..., 2] > 0
    image = mask.astype(np.uint8) if dimensions == 2 else mask[None].astype(np.uint8)
    itk.imwrite(itk.image_from_array(image.copy()), str(tmp_path / "mask.nrrd"))
    affine = np.diag([-1.0, -1, 1, 1])
    assert aff2axcodes(affine) == ("L", "P", "S")
    voxels = mask.T.astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(voxels if dimensions == 2 else voxels[..., None], affine), tmp_path / "mask.nii")
    for name in ("mask.nrrd", "mask.nii"):
        assert read_label_volume(tmp_path / name)[0].shape == (*mask.T.shape, 1)
        np.testing.assert_array_equal(picture_label(tmp_path / name, mask.shape), mask)
        with pytest.raises(ValueError, match=r"Expected a mask of one slice of \(5, 7\) pixels .*got \(1, "):
            picture_label(tmp_path / name, (5, 7))

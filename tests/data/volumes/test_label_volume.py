"""Masks that a viewer saved."""

import itk
import nibabel
import numpy as np
import pytest
from nibabel.orientations import aff2axcodes

from ssgnet_monai.data.volumes.label_volume import is_label_volume, label_slices, picture_label, read_label_volume
from ssgnet_monai.data.volumes.view import slice_view
from ssgnet_monai.data.volumes.volume import Volume
from tests import nrrd_files
from tests.volume_files import ct, f_mask, oblique, write

SAVERS = {".nii.gz": write, ".nii": write, ".nrrd": nrrd_files.write}


@pytest.mark.parametrize("suffix", SAVERS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_of_a_mask_lie_on_those_of_the_volume(tmp_path, suffix, axis):
    volume = Volume(write(tmp_path / "image.nii", ct(), oblique()))
    path = SAVERS[suffix](tmp_path / f"mask{suffix}", f_mask(), oblique())
    assert is_label_volume(path)
    found = label_slices(path, volume, axis)
    np.testing.assert_array_equal(found, slice_view(f_mask() > 0, oblique(), axis))


def test_a_mask_of_another_grid(tmp_path):
    volume = Volume(write(tmp_path / "image.nii", ct(), oblique()))
    path = write(tmp_path / "mask.nii", f_mask()[:-1], oblique())
    with pytest.raises(ValueError, match="mask.nii"):
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

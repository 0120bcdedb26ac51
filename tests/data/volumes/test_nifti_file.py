import nibabel
import numpy as np
import pytest

from ssgnet_monai.data.volumes.nifti_file import read_nifti, write_nifti
from tests.volume_files import SPACING, ct, oblique, write


def test_voxels_and_place_come_back_and_equal_volumes_are_equal_files(tmp_path):
    for name in ("a.nii.gz", "b.nii.gz"):
        write_nifti(tmp_path / name, ct().astype(np.int64), oblique())
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    voxels, affine = read_nifti(tmp_path / "a.nii.gz")
    assert voxels.dtype == np.int16
    np.testing.assert_array_equal(voxels, ct())
    np.testing.assert_allclose(affine, oblique(), atol=1e-5)
    header = nibabel.load(tmp_path / "a.nii.gz").header
    np.testing.assert_allclose(header.get_zooms(), SPACING, atol=1e-6)
    assert header.get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize(
    ("values", "stored"),
    [
        (np.array([0, 70000]), np.int32),
        (np.array([0, 60000], np.uint16), np.uint16),
        (np.array([0.5, 1.5]), np.float32),
    ],
)
def test_no_value_is_lost(tmp_path, values, stored):
    write_nifti(tmp_path / "a.nii", values.reshape(1, 1, 2), np.eye(4))
    voxels, _ = read_nifti(tmp_path / "a.nii")
    assert voxels.dtype == stored
    assert voxels.ravel().tolist() == values.tolist()


def test_slope_and_intercept_are_applied(tmp_path):
    voxels, _ = read_nifti(write(tmp_path / "a.nii.gz", ct(), slope=0.5, inter=3))
    np.testing.assert_allclose(voxels, ct() * 0.5 + 3)
    assert voxels.dtype == np.float32

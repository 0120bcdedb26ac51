import numpy as np
import pytest

from ssgnet_monai.data.volumes.class_voxels import class_voxels
from ssgnet_monai.data.volumes.label_volume import read_label_volume
from ssgnet_monai.data.volumes.mask_values import mask_values
from ssgnet_monai.data.volumes.volume import Volume
from tests.nrrd_files import write as write_nrrd
from tests.volume_files import f_mask, oblique, write

READERS = [lambda path: class_voxels(Volume(path)), lambda path: read_label_volume(path)[0]]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("stored", "slope", "inter"),
    [
        (f_mask() * 255, 1 / 255, 0),  # what nibabel writes of fractions 0. and 1. as uint8
        (1 - f_mask().astype(np.int16), -1, 1),
        (f_mask().astype(np.int16) - 1, 1, 1),
        ((f_mask() * 200).astype(np.int16) - 100, 0.005, 0.5),
    ],
)
def test_slope_and_intercept_of_integer_masks(tmp_path, read, stored, slope, inter):
    np.testing.assert_array_equal(read(write(tmp_path / "m.nii.gz", stored, slope=slope, inter=inter)), f_mask() > 0)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.float32])
def test_negative_values_are_named_and_the_advice_holds(tmp_path, read, dtype):
    stored = -f_mask().astype(dtype)
    path = write(tmp_path / "m.nii.gz", stored)
    with pytest.raises(ValueError, match=r"from 0 on, got \{-1, 0\} in .*m\.nii\.gz.*save `values != 0` as uint8"):
        read(path)
    np.testing.assert_array_equal(read(write(path, (stored != 0).astype(np.uint8))), f_mask() > 0)
    write(path, np.where(f_mask(), 1, -1).astype(dtype))
    with pytest.raises(ValueError, match=r"got \{-1, 1\} in .*give these voxels 0"):
        read(path)


def test_an_intercept_that_makes_background_negative_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"got \{-1, 0\}"):
        class_voxels(Volume(write(tmp_path / "m.nii", f_mask(), slope=1, inter=-1)))


def test_a_threshold_says_what_is_foreground():
    np.testing.assert_array_equal(mask_values(np.array([-1, 0, 3]), "m", 0), [-1, 0, 3])
    with pytest.raises(ValueError, match=r"got \{-1, 0\} in m"):
        mask_values(np.array([-1, 0]), "m", 0)
    large = np.array([0, 2**32 - 1], np.uint32)
    np.testing.assert_array_equal(mask_values(large, "m"), [0, 2**32 - 1])


def test_nrrd_masks_follow_the_same_rules(tmp_path):
    with pytest.raises(ValueError, match=r"got \{-1, 0\} in .*m\.nrrd"):
        read_label_volume(write_nrrd(tmp_path / "m.nrrd", -f_mask().astype(np.int16), oblique()))

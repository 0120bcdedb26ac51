"""Masks on other grids than their volumes: what the message advises is followed, and must lead to the right mask."""

import re
import subprocess
import sys

import nibabel
import numpy as np
import pytest
from nibabel.processing import resample_from_to

from ssgnet_monai.data.volumes.places import check_places, same_places
from ssgnet_monai.data.volumes.volume import Volume
from tests.volume_files import SHAPE, ct, f_mask, oblique, stored_as, write

COPY = r"copy the volume's affine: (python -c .*)"


def refusal(volume, mask, known=True):
    image, label = Volume(volume), Volume(mask)
    with pytest.raises(ValueError, match=r"^Expected a mask of shape .* as its volume, got shape") as error:
        check_places(image.shape, image.affine, label.shape, label.affine, mask, volume if known else None)
    return str(error.value)


def without_codes(path):
    image = nibabel.load(path)
    image = nibabel.Nifti1Image(np.array(image.dataobj), None, image.header)
    image.set_sform(None, 0)
    image.set_qform(None, 0)
    nibabel.save(image, path)
    return path


def follow(message):
    command = re.search(COPY, message)[1].replace("python", sys.executable, 1)
    subprocess.run(["bash", "-c", command], check=True)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("name", ["the \"mask\" of 'a' $x.nii", "m.nii.gz"])
@pytest.mark.parametrize("bare", ["identity", "identity in LPS+", "no codes", "four dimensions"])
def test_a_mask_without_a_place_gets_the_volume_s(tmp_path, name, bare, known):
    volume = write(tmp_path / "v.nii.gz", ct())
    voxels = f_mask()[..., None] if bare == "four dimensions" else f_mask()
    mask = write(tmp_path / name, voxels, np.diag([-1, -1, 1, 1]) if bare.endswith("LPS+") else np.eye(4))
    if bare == "no codes":
        without_codes(mask)
    message = refusal(volume, mask, known)
    assert "The mask has no place of its own" in message
    assert "resample" not in message.lower()
    follow(message)
    image, label = Volume(volume), Volume(mask)
    check_places(image.shape, image.affine, label.shape, label.affine, mask)
    np.testing.assert_array_equal(label.stored, f_mask())


def test_a_volume_without_a_place_gives_its_own_to_the_mask(tmp_path):
    volume = without_codes(write(tmp_path / "v.nii.gz", ct()))
    mask = write(tmp_path / "m.nii", f_mask())
    message = refusal(volume, mask)
    assert "The volume has no place of its own" in message
    follow(message)
    assert same_places(SHAPE, Volume(volume).affine, SHAPE, Volume(mask).affine)


def test_a_mask_of_another_order_is_resampled(tmp_path):
    volume = write(tmp_path / "v.nii.gz", ct())
    mask = write(tmp_path / "m.nii", *stored_as("PSR", f_mask(), oblique()))
    assert "resample_from_to with order=0" in refusal(volume, mask)
    mended = resample_from_to(nibabel.load(mask), nibabel.load(volume), order=0)
    np.testing.assert_array_equal(np.asarray(mended.dataobj), f_mask())


def test_a_part_of_the_grid_is_resampled(tmp_path):
    volume = write(tmp_path / "v.nii.gz", ct())
    part = oblique()
    part[:3, 3] = (oblique() @ [3, 2, 1, 1])[:3]
    mask = write(tmp_path / "m.nii", f_mask()[3:, 2:, 1:], part)
    assert "resample_from_to with order=0" in refusal(volume, mask)
    mended = resample_from_to(nibabel.load(mask), nibabel.load(volume), order=0)
    np.testing.assert_array_equal(np.asarray(mended.dataobj), f_mask())


def test_axes_in_another_order_and_no_place(tmp_path):
    volume = write(tmp_path / "v.nii.gz", ct())
    message = refusal(volume, write(tmp_path / "m.nii", f_mask().transpose(2, 1, 0), np.eye(4)))
    assert "no place of its own" in message
    assert "numpy.transpose" in message
    assert "resample_from_to" not in message
    assert "copy" not in message


def test_masks_of_other_patients_are_not_resampled(tmp_path):
    volume = write(tmp_path / "v.nii.gz", ct())
    far = oblique()
    far[:3, 3] += 200
    message = refusal(volume, write(tmp_path / "m.nii", f_mask(), far))
    assert "different places" in message
    assert re.search(COPY, message)
    message = refusal(volume, write(tmp_path / "m.nii", f_mask()[:-1], far))
    assert "different places" in message
    assert not re.search(COPY, message)


def test_grids_agree_to_a_tenth_of_a_voxel():
    near, far = oblique(), oblique()
    near[0, 3] += 0.05
    far[0, 3] += 0.1
    assert same_places(SHAPE, oblique(), SHAPE, near)
    assert not same_places(SHAPE, oblique(), SHAPE, far)
    assert not same_places(SHAPE, oblique(), SHAPE, oblique(21))
    assert not same_places(SHAPE, oblique(), (19, 24, 6), oblique())

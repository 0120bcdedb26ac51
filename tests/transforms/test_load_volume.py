"""Whole volumes as three-dimensional networks see them."""

import numpy as np
import pytest
import torch
from monai.transforms import Compose

from ssgnet_monai.data.soft_labels import write_soft_label
from ssgnet_monai.data.volumes.nifti_file import write_nifti
from ssgnet_monai.transforms import LoadVolumed, NormalizeVolumed, RandomPatchd, WindowVolumed
from tests.volume_files import ct, f_mask, oblique, stored_as, write

WINDOW = (-1000, 900)


@pytest.fixture
def item(tmp_path):
    image, label = write(tmp_path / "a.nii.gz", ct()), write(tmp_path / "l.nii.gz", f_mask())
    return {"image": str(image), "label": str(label)}


def test_stored_voxels_keep_their_type_until_they_are_scaled(item):
    loaded = LoadVolumed(2, WINDOW)(item)
    assert loaded["image"].dtype == torch.int16
    assert loaded["label"].dtype == torch.uint8
    assert loaded["image"].shape == loaded["label"].shape == (1, 20, 24, 6)
    np.testing.assert_array_equal(loaded["image"][0], ct())
    unit = WindowVolumed("image")(loaded)["image"]
    np.testing.assert_allclose(unit[0], ((ct() + 1000) / 1900).clip(0, 1), atol=1e-6)
    assert loaded["image"].dtype == torch.int16  # what is cached stays
    scored = NormalizeVolumed("image")({"image": unit})["image"]
    assert abs(float(scored.mean())) < 1e-5
    assert float(scored.std(correction=0)) == pytest.approx(1, abs=1e-5)


def test_a_soft_label_lies_where_the_mask_lies(tmp_path):
    """In a file's own order of axes; a resampled volume takes the nearest value of each plane."""
    stored, affine = stored_as("PSR", ct(), oblique(10, (1, 1, 2)))
    mask, _ = stored_as("PSR", f_mask(), oblique(10, (1, 1, 2)))
    write_nifti(tmp_path / "a.nii.gz", stored, affine)
    write_nifti(tmp_path / "l.nii.gz", mask, affine, labels=True)
    write_soft_label(tmp_path / "s.npz", np.where(mask, 127, 255).astype(np.uint8)[None].repeat(2, 0))
    for spacing in (None, (2, 1.5, 1.5)):
        load = LoadVolumed(3, WINDOW, voxel_spacing=spacing)
        hard, soft = (
            load({"image": str(tmp_path / "a.nii.gz"), "label": str(tmp_path / name)})["label"]
            for name in ("l.nii.gz", "s.npz")
        )
        assert soft.dtype == torch.float16
        np.testing.assert_array_equal(soft, np.where(np.asarray(hard), 0.5, 255.0).repeat(2, 0))


def test_a_crop_is_scaled_as_its_volume(item):
    whole = Compose([LoadVolumed(2, WINDOW), WindowVolumed("image"), NormalizeVolumed("image")])(item)
    steps = [LoadVolumed(2, WINDOW), RandomPatchd(["image", "label"], [8, 9, 4]), *map(_of_image, SCALES)]
    crop = Compose(steps).set_random_state(3)(item)
    x, y, z = crop["patch_start"].tolist()
    torch.testing.assert_close(
        crop["image"].as_tensor(), whole["image"][:, x : x + 8, y : y + 9, z : z + 4].as_tensor()
    )
    assert crop["image"].shape == crop["label"].shape == (1, 8, 9, 4)


SCALES = (WindowVolumed, NormalizeVolumed)


def _of_image(kind):
    return kind("image")


@pytest.mark.parametrize("codes", ["LPS", "PSR"])
def test_image_and_label_are_turned_together(tmp_path, codes):
    voxels, affine = stored_as(codes, ct(), oblique())
    image = write(tmp_path / "a.nii", voxels, affine)
    label = write(tmp_path / "l.nii", f_mask())  # another order of axes than its volume, as viewers save it
    loaded = LoadVolumed(2, WINDOW)({"image": str(image), "label": str(label)})
    np.testing.assert_array_equal(loaded["image"][0], ct())
    np.testing.assert_array_equal(loaded["label"][0], f_mask())


def test_values_as_stored_stay(item, tmp_path):
    path = write(tmp_path / "f.nii.gz", np.linspace(-2, 7, 8 * 9 * 4).reshape(8, 9, 4).astype(np.float32))
    loaded = LoadVolumed(2, None, voxel_values="stored")({"image": str(path)})
    scaled = NormalizeVolumed("image")(WindowVolumed("image")(loaded))["image"]
    np.testing.assert_array_equal(scaled, loaded["image"])


def test_classes_and_what_is_not_known(item, tmp_path):
    classes = np.where(np.arange(6) > 3, 2, 1).astype(np.uint8) * f_mask()
    classes[0] = 255
    write(tmp_path / "l.nii.gz", classes)
    np.testing.assert_array_equal(LoadVolumed(3, WINDOW)(item)["label"][0], classes)
    classes[1, 1, 1] = 3
    write(tmp_path / "l.nii.gz", classes)
    with pytest.raises(ValueError, match=r"class numbers 0 to 2 .* got \[3\] in .*l\.nii\.gz"):
        LoadVolumed(3, WINDOW)(item)


def test_a_label_of_ours_without_foreground_is_not_read_as_0_and_255(item, tmp_path):
    unknown = np.where(f_mask() > 0, 255, 0).astype(np.uint8)
    write(tmp_path / "l.nii.gz", unknown)  # somebody's binary mask
    assert set(np.unique(LoadVolumed(2, WINDOW)(item)["label"])) == {0, 1}
    write_nifti(tmp_path / "l.nii.gz", unknown, oblique(), labels=True)
    assert set(np.unique(LoadVolumed(2, WINDOW)(item)["label"])) == {0, 255}


def test_resampled_as_in_preparation(item):
    loaded = LoadVolumed(2, WINDOW, voxel_spacing=[1, 1, 1])(item)
    assert loaded["image"].dtype == torch.float32
    assert loaded["image"].shape == loaded["label"].shape == (1, 14, 19, 26)
    assert set(np.unique(loaded["label"])) == {0, 1}
    np.testing.assert_allclose(np.abs(np.linalg.det(loaded["image"].affine[:3, :3])), 1, atol=1e-5)


def test_pictures_and_unknown_settings_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"Expected a NIfTI volume for a network of three dimensions, got .*a\.png"):
        LoadVolumed()({"image": str(tmp_path / "a.png")})
    with pytest.raises(ValueError, match="voxel_values out of windowed, stored, got 'raw'"):
        LoadVolumed(voxel_values="raw")

"""Masks that a viewer saved."""

import itk
import nibabel
import numpy as np
import pytest
from nibabel.affines import from_matvec
from PIL import Image
from pydicom.uid import CTImageStorage

from ssgnet_monai.data.orientation import ORIENTATION, turn_back
from ssgnet_monai.data.volumes.label_volume import is_label_volume, label_slices, picture_label, read_label_volume
from ssgnet_monai.data.volumes.picture_grid import picture_affine
from ssgnet_monai.data.volumes.view import slice_view
from ssgnet_monai.data.volumes.volume import Volume
from ssgnet_monai.transforms import LoadImageMaskd, ViewerMaskd
from tests import dicom_files, nrrd_files
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


PICTURES = {
    "plain.png": {},
    "resolution.png": {"dpi": (300, 300)},
    "photo.jpg": {"dpi": (72, 72)},
    "scan.tif": {"dpi": (300, 300)},
}
DICOM_PLACE = {
    "Modality": "CT",
    "PixelSpacing": [0.2, 0.4],
    "ImagePositionPatient": [10, 20, 30],
    "ImageOrientationPatient": [-1, 0, 0, 0, -1, 0],
    "SliceThickness": 2,
}


def picture(folder, name):
    mask = f_mask()[..., 2] > 0
    if name == "turned.dcm":
        dicom_files.write(folder / name, mask.astype(np.uint8) * 200, SOPClassUID=CTImageStorage, **DICOM_PLACE)
    else:
        Image.fromarray(mask.astype(np.uint8) * 200).save(folder / name, **PICTURES[name])
    return folder / name, mask


@pytest.mark.parametrize("name", [*PICTURES, "turned.dcm"])
def test_a_label_on_the_grid_where_itk_shows_the_picture(tmp_path, name):
    """A viewer thresholds the picture that ITK read, and saves what it got in either format."""
    path, mask = picture(tmp_path, name)
    shown = itk.imread(str(path), itk.UC)
    affine = np.diag([-1.0, -1, 1, 1]) @ picture_lps(shown)
    np.testing.assert_allclose(picture_affine(path), affine, atol=1e-6)
    drawn = (itk.array_from_image(shown) > 100).astype(np.uint8)
    label = itk.image_from_array(drawn)
    label.CopyInformation(shown)
    itk.imwrite(label, str(tmp_path / "label.nrrd"))
    nibabel.save(nibabel.Nifti1Image(np.atleast_3d(drawn.T), affine), tmp_path / "label.nii.gz")
    for saved in ("label.nrrd", "label.nii.gz"):
        np.testing.assert_array_equal(picture_label(tmp_path / saved, path, mask.shape), mask)


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_label_drawn_on_what_itk_shows_is_read_upright_and_a_mask_sent_lies_on_it(tmp_path, orientation, ending):
    """A viewer of ITK's shows the picture stored; training sees it upright, and what it predicts goes back."""
    mask = f_mask()[..., 2] > 0
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / f"p.{ending}"
    Image.fromarray(turn_back(mask, orientation) * np.uint8(200)).save(path, exif=exif)
    shown = itk.imread(str(path), itk.UC)
    drawn = (itk.array_from_image(shown) > 100).astype(np.uint8)
    label = itk.image_from_array(drawn)
    label.CopyInformation(shown)
    itk.imwrite(label, str(tmp_path / "label.nrrd"))
    item = LoadImageMaskd(num_channels=1)({"image": str(path), "label": str(tmp_path / "label.nrrd")})
    np.testing.assert_array_equal(item["label"].numpy()[0], mask)
    assert (item["image"].numpy()[0] > 0.4).sum() == mask.sum()
    item["pred"], item["result_extension"] = item["label"], ".nrrd"
    sent = ViewerMaskd("pred")(item)["pred"]
    np.testing.assert_array_equal(sent.numpy()[..., 0].T, drawn)
    np.testing.assert_allclose(sent.affine, picture_affine(path))
    item["result_extension"] = ".png"
    np.testing.assert_array_equal(ViewerMaskd("pred")(item)["pred"].numpy().T, mask)


def picture_lps(image):
    n = image.GetImageDimension()
    affine = np.eye(4)
    affine[:n, :n] = itk.array_from_matrix(image.GetDirection()) * np.asarray(image.GetSpacing())
    affine[:n, 3] = np.asarray(image.GetOrigin())
    return affine


def test_the_place_of_a_picture_by_hand(tmp_path):
    """Rows and columns of the DICOM picture run against the patient's; 0.4 mm between columns, 0.2 between rows."""
    found = picture_affine(picture(tmp_path, "turned.dcm")[0])
    np.testing.assert_allclose(found[:3, :2], [[0.4, 0], [0, 0.2], [0, 0]], atol=1e-9)
    np.testing.assert_allclose(found[:3, 3], [-10, -20, 30])
    np.testing.assert_array_equal(picture_affine(picture(tmp_path, "plain.png")[0]), np.diag([-1, -1, 1, 1]))
    found = picture_affine(picture(tmp_path, "scan.tif")[0])
    np.testing.assert_allclose(np.diag(found)[:2], -25.4 / 300, rtol=1e-3)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_label_of_another_resolution_is_drawn_on_the_pixels(tmp_path, dimensions):
    path, mask = picture(tmp_path, "scan.tif")
    voxels = mask.T.astype(np.uint8) if dimensions == 2 else mask.T[..., None].astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([-1.0, -1, 1, 1])), tmp_path / "mask.nii")
    assert read_label_volume(tmp_path / "mask.nii")[0].shape == (*mask.T.shape, 1)
    np.testing.assert_array_equal(picture_label(tmp_path / "mask.nii", path, mask.shape), mask)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1.0, 1, 1, 1])), tmp_path / "turned.nii")
    np.testing.assert_array_equal(picture_label(tmp_path / "turned.nii", path, mask.shape), mask[::-1, ::-1])
    with pytest.raises(ValueError, match=r"Expected a mask of one slice of \(5, 7\) pixels .*got \("):
        picture_label(tmp_path / "mask.nii", path, (5, 7))


def test_a_smaller_label_is_no_part_of_a_picture(tmp_path):
    """Such as one of the network's size."""
    path, mask = picture(tmp_path, "plain.png")
    part = mask.T[:10, :10, None].astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(part, np.diag([-1.0, -1, 1, 1])), tmp_path / "a.nii")
    with pytest.raises(ValueError, match="Expected a mask of one slice"):
        picture_label(tmp_path / "a.nii", path, mask.shape)


def test_a_picture_that_itk_cannot_read_has_pixels_of_a_millimetre(tmp_path):
    Image.fromarray(f_mask()[..., 2] > 0).save(tmp_path / "one_bit.bmp")
    np.testing.assert_array_equal(picture_affine(tmp_path / "one_bit.bmp"), np.diag([-1, -1, 1, 1]))


def test_a_spacing_that_is_off_by_a_voxel_at_the_far_corner(tmp_path):
    volume = Volume(write(tmp_path / "image.nii", np.zeros((502, 4, 3), np.int16), np.diag([1.0, 1, 1, 1])))
    path = write(tmp_path / "mask.nii", np.ones((501, 4, 3), np.uint8), np.diag([501 / 500, 1, 1, 1]))
    with pytest.raises(ValueError, match="Expected a mask of shape"):
        label_slices(path, volume, 2)

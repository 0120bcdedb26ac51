"""DICOM series: voxels at their place in the patient, and every way in which slices do not make a volume."""

import re

import nibabel
import numpy as np
import pydicom
import pytest

from ssgnet_monai.data.dicom.series import read_series
from tests.dicom_files import UID, item, write, write_series
from tests.volume_files import ct, oblique

VOXELS = ct()[:12, :10]


def test_voxels_and_affine_are_those_of_the_volume_that_was_written(tmp_path):
    write_series(tmp_path / "a", VOXELS + 1024, oblique(), RescaleSlope=1, RescaleIntercept=-1024)
    (tmp_path / "a" / "LICENSE").write_text("no slice")

    voxels, affine = read_series(tmp_path)

    np.testing.assert_array_equal(voxels, VOXELS)
    np.testing.assert_allclose(affine, oblique(), atol=1e-4)
    assert voxels.dtype == np.int32  # 16 signed bits and an intercept need more than 16


def test_a_point_of_the_patient_keeps_its_place_whatever_the_slices_direction(tmp_path):
    codes = nibabel.orientations.axcodes2ornt("PIR")
    image = nibabel.Nifti1Image(VOXELS, oblique()).as_reoriented(
        nibabel.orientations.ornt_transform(nibabel.io_orientation(oblique()), codes)
    )
    write_series(tmp_path, np.asarray(image.dataobj), image.affine)

    voxels, affine = read_series(tmp_path)

    back = nibabel.as_closest_canonical(nibabel.Nifti1Image(voxels.astype(np.int16), affine))
    np.testing.assert_array_equal(np.asarray(back.dataobj), VOXELS)
    np.testing.assert_allclose(back.affine, oblique(), atol=1e-4)


def test_rows_and_columns_are_not_exchanged_by_hand(tmp_path):
    """Two slices of 2 rows and 3 columns, 4 mm apart; rows 2 mm, columns 1 mm apart."""
    for z, name in ((10, "b"), (6, "a")):
        write(
            tmp_path / f"{name}.dcm", np.arange(6, dtype=np.int16).reshape(2, 3) + 100 * z, Modality="CT",
            ImagePositionPatient=[5, 7, z], ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[2, 1],
        )  # fmt: skip

    voxels, affine = read_series([tmp_path / "b.dcm", tmp_path / "a.dcm"])

    assert voxels.shape == (3, 2, 2)
    assert voxels[2, 1].tolist() == [605, 1005]
    np.testing.assert_array_equal(affine, [[-1, 0, 0, -5], [0, -2, 0, -7], [0, 0, 4, 6], [0, 0, 0, 1]])


def test_an_enhanced_file_is_a_series_of_its_own(tmp_path):
    frames = [
        item(
            PlanePositionSequence=item(ImagePositionPatient=[0, 0, z]),
            PixelValueTransformationSequence=item(RescaleSlope=1, RescaleIntercept=offset),
        )[0]
        for z, offset in ((6, -1000), (3, -2000))
    ]
    shared = item(
        PlaneOrientationSequence=item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
        PixelMeasuresSequence=item(PixelSpacing=[1, 1], SliceThickness=3),
    )
    path = write(
        tmp_path / "a.dcm", np.full((2, 4, 5), 7, np.uint16), frames=2, Modality="CT",
        PerFrameFunctionalGroupsSequence=frames, SharedFunctionalGroupsSequence=shared,
    )  # fmt: skip

    voxels, affine = read_series(path)

    assert voxels[0, 0].tolist() == [-1993, -993]
    assert affine[2].tolist() == [0, 0, 3, 3]


def test_one_slice_takes_its_thickness(tmp_path):
    write_series(tmp_path, VOXELS[:, :, :1], oblique())
    np.testing.assert_allclose(read_series(tmp_path)[1], oblique(), atol=1e-4)
    write_series(tmp_path, VOXELS[:, :, :1], oblique(), SliceThickness=None)
    with pytest.raises(ValueError, match="Expected several slices or a SliceThickness"):
        read_series(tmp_path)


def moved(path, millimetres):
    stored = pydicom.dcmread(path)
    stored.ImagePositionPatient = [stored.ImagePositionPatient[0] + millimetres, *stored.ImagePositionPatient[1:]]
    stored.save_as(path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder, files: files[2].unlink(), "Expected slices 5 mm apart, got 10 mm between"),
        (lambda folder, files: (folder / "copy.dcm").write_bytes(files[2].read_bytes()), "two at the same"),
        (lambda folder, files: write_series(folder / "b", VOXELS, oblique(), SeriesInstanceUID=f"{UID}.9"), "found 2"),
        (lambda folder, files: write_series(folder / "b", VOXELS[:-1], oblique()), "slices of one size, got (1"),
        (lambda folder, files: write_series(folder / "b", VOXELS, oblique(40)), "one orientation and spacing"),
        (lambda folder, files: write(folder / "scout.dcm", VOXELS[..., 0]), "no usable ImagePositionPatient"),
        (lambda folder, files: [file.unlink() for file in files], "Expected DICOM files in"),
        *(
            (
                lambda folder, files, index=index: moved(files[index], 3),
                "slices on one line, got one that lies 3 mm beside",
            )
            for index in (0, 2, 5)
        ),
    ],
)
def test_slices_that_make_no_volume_are_refused(tmp_path, spoil, message):
    spoil(tmp_path, write_series(tmp_path, VOXELS, oblique()))
    with pytest.raises(ValueError, match=re.escape(message)) as refusal:
        read_series(tmp_path)
    assert UID not in str(refusal.value)


def test_a_tilted_gantry_is_a_sheared_volume(tmp_path):
    """Slices move 1.5 mm to the front with every 5 mm; the affine says so."""
    tilted = np.diag([0.7, 0.8, 5.0, 1.0])
    tilted[:3, 2] = 0, 1.5, 5
    for index in range(6):
        place = tilted @ [0, 0, index, 1]
        write(
            tmp_path / f"{index}.dcm", VOXELS[:, :, index].T, Modality="CT", PixelSpacing=[0.8, 0.7],
            ImagePositionPatient=[-place[0], -place[1], place[2]], ImageOrientationPatient=[-1, 0, 0, 0, -1, 0],
        )  # fmt: skip
    voxels, affine = read_series(tmp_path)
    np.testing.assert_array_equal(voxels, VOXELS)
    np.testing.assert_allclose(affine, tilted, atol=1e-6)


def test_padding_becomes_air_also_in_slices_of_nothing_else(tmp_path):
    stored = VOXELS + np.int16(1024)
    stored[:2] = -2000
    stored[..., 0] = -2000
    write_series(tmp_path, stored, oblique(), RescaleSlope=1, RescaleIntercept=-1024, PixelPaddingValue=-2000)
    voxels, _ = read_series(tmp_path)
    np.testing.assert_array_equal(voxels[2:, :, 1:], VOXELS[2:, :, 1:])
    assert voxels.min() == VOXELS[2:, :, 1:].min()
    assert (voxels[..., 0] == voxels.min()).all()
    for index in range(1, 6):
        assert (voxels[:2, :, index] == VOXELS[2:, :, index].min()).all()

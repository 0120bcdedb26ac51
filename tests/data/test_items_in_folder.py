import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import inference_items, picture_items, volume_items
from ssgnet_monai.data.slice_list import slice_items
from tests.dicom_files import write as write_dicom
from tests.dicom_files import write_series
from tests.volume_files import ct, oblique, write


def test_pictures_once_and_volumes_slice_by_slice(tmp_path):
    write(tmp_path / "b.NII.GZ", ct())
    Image.fromarray(np.zeros((3, 4), np.uint8)).save(tmp_path / "a.png")
    items = inference_items(tmp_path)
    assert items[0] == {"image": str(tmp_path / "a.png"), "axis": 0, "slice": 0}
    assert items[1:] == [{"image": str(tmp_path / "b.NII.GZ"), "axis": 2, "slice": index} for index in range(6)]
    assert {item["axis"] for item in inference_items(tmp_path, "coronal")[1:]} == {1}
    assert len(inference_items(tmp_path, "coronal")) == 1 + 24


def test_mixed_planes_and_several_channels(tmp_path, caplog):
    write(tmp_path / "a.nii", ct())
    write(tmp_path / "b.nii", ct(), np.diag([-1.0, 3.0, -1.0, 1.0]))
    inference_items(tmp_path)
    assert "planes are mixed: 1 coronal (such as b.nii) and 1 axial" in caplog.text or (
        "planes are mixed: 1 axial (such as a.nii) and 1 coronal" in caplog.text
    )
    caplog.clear()
    inference_items(tmp_path, "axial")
    slice_items([{"image": str(tmp_path / "a.nii")}])
    assert not caplog.text
    slice_items([{"image": str(tmp_path / f"{name}.nii")} for name in "ab"])
    assert "planes are mixed" in caplog.text
    for name in ("a_0000.nii", "a_0001.nii", "b_0000.nii", "b_0001.nii"):
        write(tmp_path / "nnunet" / name, ct())
    with pytest.raises(ValueError, match=r"2 cases of several channels .* a_0000\.nii, a_0001\.nii"):
        inference_items(tmp_path / "nnunet")


def test_a_volume_that_cannot_be_used_is_refused_before_any_work(tmp_path):
    write(tmp_path / "a.nii.gz", ct())
    write(tmp_path / "b.nii.gz", np.zeros((3, 4, 5, 2), np.int16))
    with pytest.raises(ValueError, match=r"three dimensions, got shape \(3, 4, 5, 2\) in .*b\.nii\.gz"):
        inference_items(tmp_path)


def test_dicom_pictures_are_items_and_anything_else_is_refused(tmp_path):
    write_dicom(tmp_path / "in" / "a.dcm", np.zeros((3, 4), np.uint8), Modality="US")
    assert inference_items(tmp_path / "in") == [{"image": str(tmp_path / "in" / "a.dcm"), "axis": 0, "slice": 0}]
    write_dicom(tmp_path / "film" / "b.dcm", np.zeros((2, 3, 4), np.uint8), frames=2)
    with pytest.raises(ValueError, match=r"one picture, got 2 frames in .*b\.dcm\. Save them as single files"):
        inference_items(tmp_path / "film")
    write_series(tmp_path / "ct", ct(), oblique())
    with pytest.raises(ValueError, match=r"got 6 slices of one series in .*/ct\. Convert it to one NIfTI volume"):
        inference_items(tmp_path / "ct")
    (tmp_path / "in" / "a.dcm").rename(tmp_path / "in" / "1.2.840.7")
    with pytest.raises(ValueError, match=r"files called \*\.dcm, got 1\.2\.840\.7 in .*rename them"):
        inference_items(tmp_path / "in")


def test_a_classifier_gets_pictures_and_no_slices(tmp_path):
    for folder in ("a", "b"):  # rows of a table are named by the path: a stem may recur
        write_dicom(tmp_path / "in" / folder / "1.dcm", np.zeros((3, 4), np.uint8), Modality="US")
    assert picture_items(tmp_path / "in") == [{"image": str(tmp_path / "in" / name / "1.dcm")} for name in "ab"]
    write_series(tmp_path / "ct", ct(), oblique())
    with pytest.raises(ValueError, match=r"got 6 slices of one series in .*/ct\."):
        picture_items(tmp_path / "ct")
    write(tmp_path / "nifti" / "a.nii.gz", ct())
    with pytest.raises(ValueError, match=r"Expected pictures, got 1 NIfTI volumes in .*nifti: a\.nii\.gz\. Save"):
        picture_items(tmp_path / "nifti")


def test_whole_volumes_and_nothing_else(tmp_path):
    first, second = write(tmp_path / "b.nii.gz", ct()), write(tmp_path / "sub" / "a.nii", ct())
    assert volume_items(tmp_path) == [{"image": str(second)}, {"image": str(first)}]  # by their names
    Image.new("L", (8, 8)).save(tmp_path / "c.png")
    with pytest.raises(ValueError, match="Expected NIfTI volumes for a network of three dimensions, got 1 pictures"):
        volume_items(tmp_path)

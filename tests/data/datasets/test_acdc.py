"""ACDC: frames and their truth, four classes, patients, the owner's test, and folders that are not the owner's."""

import nibabel
import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.cli import main
from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.datasets import prepare_dataset
from tests.volume_files import write

SHAPE, AFFINE = (16, 18, 5), np.diag([-1.5625, -1.5625, 10.0, 1.0])
PATIENTS = {"training": ("patient001", "patient002", "patient003", "patient004"), "testing": ("patient101",)}
LABELS = {"0": "background", "1": "right ventricle", "2": "myocardium", "3": "left ventricle"}


def heart():
    label = np.zeros(SHAPE, np.uint8)
    label[2:6, 5:12, 1:4] = 1
    label[6:13, 5:12, 1:4] = 2
    label[8:11, 7:10, 1:4] = 3
    return label


def owners_folder(root):
    for part, patients in PATIENTS.items():
        for number, patient in enumerate(patients):
            folder = root / part / patient
            for frame in ("frame01", f"frame{number + 8:02d}"):
                noise = np.random.default_rng([number, len(part), len(frame)]).integers(0, 90, SHAPE)
                voxels = noise + number + 100 * heart() + (7 if frame == "frame01" else 0)
                write(folder / f"{patient}_{frame}.nii.gz", voxels.astype(np.int16), AFFINE)
                write(folder / f"{patient}_{frame}_gt.nii.gz", heart(), AFFINE)
            write(folder / f"{patient}_4d.nii.gz", np.zeros((4, 4, 4, 3), np.int16), AFFINE)
            (folder / "Info.cfg").write_text("ED: 1\nES: 8\nGroup: DCM\n")
    return root


def test_volumes_of_four_classes_with_the_owners_test(tmp_path):
    source = owners_folder(tmp_path / "ACDC" / "database")
    assert main(["data", "prepare", "acdc", "form=volumes", "--source", str(source), "--out", str(tmp_path / "o")]) == 0
    datalist = load_datalist(tmp_path / "o")
    assert (datalist["name"], datalist["labels"]) == ("acdc", LABELS)
    groups = {part: {item["group"] for item in datalist[part]} for part in ("training", "validation", "test")}
    assert groups["test"] == {"patient101"}
    assert groups["training"] | groups["validation"] == set(PATIENTS["training"])
    assert len(groups["validation"]) == 1
    assert all(len(datalist[part]) == 2 * len(found) for part, found in groups.items())
    for item in datalist["training"]:
        label = nibabel.load(item["label"])
        np.testing.assert_array_equal(np.asarray(label.dataobj), heart())
        np.testing.assert_allclose(nibabel.load(item["image"]).header.get_zooms(), (1.5625, 1.5625, 10))


def test_slices_are_cut_across_the_thick_axis(tmp_path):
    source = owners_folder(tmp_path / "ACDC")
    datalist = load_datalist(prepare_dataset("acdc", source, tmp_path / "out", {"size": None}))
    assert (datalist["labels"], datalist["num_channels"]) == (LABELS, 1)
    assert len(datalist["test"]) == 2 * SHAPE[2]
    values = [np.unique(np.asarray(Image.open(item["label"]))).tolist() for item in datalist["test"]]
    assert values == [[0], [0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3], [0]] * 2


def test_folders_that_are_not_the_owners(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"training/patient001/patient001_frame01.nii.gz .*\(acdc\), found none"
    ):
        prepare_dataset("acdc", write(tmp_path / "a" / "x.nii", heart()).parent, tmp_path / "o", {})
    source = owners_folder(tmp_path / "b")
    (source / "testing/patient101/patient101_frame01_gt.nii.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"all 10 frames .*for patient101_frame01. Copy them .*take it away"):
        prepare_dataset("acdc", source, tmp_path / "o", {})
    source = owners_folder(tmp_path / "c")
    wrong = heart()
    wrong[0, 0, 0] = 4
    write(source / "training/patient002/patient002_frame01_gt.nii.gz", wrong, AFFINE)
    with pytest.raises(ValueError, match=r"values \{0, 1, 2, 3\} that labels names, got 4 in .*patient002_frame01_gt"):
        prepare_dataset("acdc", source, tmp_path / "o", {"form": "volumes"})

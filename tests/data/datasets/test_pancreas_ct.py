"""Pancreas-CT: DICOM slices, labels that run another way, withdrawn cases, lists."""

import logging
import shutil

import nibabel
import numpy as np
import pytest

from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.datasets import prepare_dataset
from tests import dicom_files
from tests.volume_files import write

SHAPE = (24, 20, 8)
AFFINE = np.array([[-0.8, 0, 0, 100], [0, -0.8, 0, 90], [0, 0, 1, -200], [0, 0, 0, 1]])
NUMBERS = ("0001", "0002", "0003", "0004")


def pancreas(seed=0):
    """Left, front and low, so that no flip maps it onto itself."""
    label = np.zeros(SHAPE, np.uint8)
    label[4:12, 3 + seed : 7 + seed, 1:3] = 1
    return label


def abdomen(seed):
    """Air around fat with the pancreas in it."""
    voxels = np.full(SHAPE, -1000, np.int16)
    voxels[2:22, 2:18] = np.random.default_rng(seed).integers(-110, -80, (20, 16, 8))
    voxels[pancreas(seed) > 0] += 180
    return voxels


def owners_folder(root, numbers=NUMBERS, axes=(1,), empty=("0025", "0070"), dtype=np.float32):
    """Labels are flipped along ``axes``, stored as fractions, and lie in a doubled folder."""
    labels = "TCIA_pancreas_labels-02-05-2017"
    for seed, number in enumerate(numbers):
        dicom_files.write_series(root / f"Pancreas-CT/PANCREAS_{number}/1.2.3/1.2.3.4", abdomen(seed), AFFINE)
    for number in empty:
        (root / f"Pancreas-CT/PANCREAS_{number}").mkdir(parents=True)
    for seed, number in enumerate((*numbers, *empty)):
        label = np.flip(pancreas(seed % len(numbers)), axes).astype(dtype)
        write(root / labels / labels / f"label{number}.nii.gz", label, np.eye(4))
    return root


def prepare(tmp_path, **options):
    path = prepare_dataset("pancreas_ct", tmp_path / "source", tmp_path / "out", {"form": "volumes", **options})
    return load_datalist(path)


def all_items(datalist):
    return [item for part in ("training", "validation", "test", "unlabeled") for item in datalist[part]]


@pytest.mark.parametrize(("axes", "told"), [((1,), "y"), ((1, 2), "y and z"), ((), "none")])
def test_labels_are_turned_to_the_tissue(tmp_path, caplog, axes, told):
    owners_folder(tmp_path / "source", axes=axes)
    with caplog.at_level(logging.INFO):
        datalist = prepare(tmp_path, crop="none", hu_window=None)
    assert f"flip of the labels: {told} (" in caplog.text
    assert {item["group"] for item in all_items(datalist)} == {f"PANCREAS_{number}" for number in NUMBERS}
    for seed, number in enumerate(NUMBERS):
        image, label = (
            nibabel.load(tmp_path / f"out/{part}/PANCREAS_{number}.nii.gz") for part in ("images", "labels")
        )
        np.testing.assert_array_equal(np.asarray(image.dataobj), abdomen(seed))
        np.testing.assert_array_equal(np.asarray(label.dataobj), pancreas(seed))
        np.testing.assert_allclose(image.affine, AFFINE, atol=1e-4)
        np.testing.assert_allclose(label.affine, image.affine)


def test_the_body_is_kept_and_hu_are_cut(tmp_path):
    owners_folder(tmp_path / "source")
    item = prepare(tmp_path)["test"][0]
    image = nibabel.load(item["image"])
    assert all(body <= got <= body + 2 for got, body in zip(image.shape, (20, 16, 8), strict=True))
    voxels = np.asarray(image.dataobj)
    assert -125 <= voxels.min() < voxels[np.asarray(nibabel.load(item["label"]).dataobj) == 1].min()
    assert voxels.dtype == np.int16


def test_the_label_box_is_cut_in_the_plane(tmp_path, caplog):
    owners_folder(tmp_path / "source")
    prepare(tmp_path, crop="label_box", margin=1.6)
    assert nibabel.load(tmp_path / "out/images/PANCREAS_0001.nii.gz").shape == (8 + 2 * 2, 4 + 2 * 2, 8)
    assert "uses the ground truth" in caplog.text


def test_withdrawn_cases_and_lists(tmp_path, caplog):
    owners_folder(tmp_path / "source")
    (tmp_path / "source/train.list").write_text("image0001\nimage0002\nimage0070\n")
    (tmp_path / "source/test.list").write_text("image0003\nimage0004\nimage0025\n")
    with caplog.at_level(logging.INFO):
        datalist = prepare(tmp_path, lists=str(tmp_path / "source"))
    assert [item["group"] for item in datalist["test"]] == ["PANCREAS_0003", "PANCREAS_0004"]
    assert "PANCREAS_0025, PANCREAS_0070 left out: the owner withdrew them" in caplog.text
    assert "names PANCREAS_0070, withdrawn by the owner: 2 cases remain of 3" in caplog.text


def test_an_old_download_keeps_copies_with_their_patient(tmp_path, caplog):
    owners_folder(tmp_path / "source", ("0001", "0002", "0025", "0070"), empty=())
    (tmp_path / "source/train.list").write_text("image0001\nimage0002\nimage0070\n")
    (tmp_path / "source/test.list").write_text("image0025\n")
    assert len(all_items(prepare(tmp_path, split=[0.5, 0, 0.5]))) == 2
    datalist = prepare(tmp_path, lists=str(tmp_path / "source"), withdrawn="keep")
    assert len(all_items(datalist)) == 4
    assert "The official split has images of 1 groups (patients, identical images) on both sides" in caplog.text


def test_labels_of_other_cases_and_incomplete_downloads(tmp_path):
    root = owners_folder(tmp_path / "source", dtype=np.uint8)
    labels = root / "TCIA_pancreas_labels-02-05-2017/TCIA_pancreas_labels-02-05-2017"
    write(labels / "label0003.nii.gz", np.flip(pancreas(), (0, 2)).copy(), np.eye(4))
    with pytest.raises(ValueError, match=r"pancreas_ct case PANCREAS_0003: Expected a pancreas of soft tissue"):
        prepare(tmp_path)
    write(labels / "label0003.nii.gz", pancreas()[:-1], np.eye(4))
    with pytest.raises(ValueError, match=r"Expected a label of the slices' shape .* in .*label0003"):
        prepare(tmp_path)
    (labels / "label0003.nii.gz").unlink()
    with pytest.raises(FileNotFoundError, match="Expected slices and a label for every case, .* 1: PANCREAS_0003"):
        prepare(tmp_path)
    shutil.move(labels, tmp_path / "labels")
    with pytest.raises(FileNotFoundError, match=r"found 4 folders with files and 0 labels"):
        prepare(tmp_path)
    shutil.rmtree(root / "Pancreas-CT/PANCREAS_0003")
    assert len(all_items(prepare(tmp_path, labels=str(tmp_path / "labels")))) == 3


def test_unusable_options(tmp_path):
    (tmp_path / "source").mkdir()
    with pytest.raises(ValueError, match="Expected hu_window of two values"):
        prepare(tmp_path, hu_window=[275, -125])
    with pytest.raises(ValueError, match="Expected withdrawn 'drop' or 'keep', got 'yes'"):
        prepare(tmp_path, withdrawn="yes")

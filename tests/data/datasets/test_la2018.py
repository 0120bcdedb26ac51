"""Left atrium: the owner's tree, UA-MT's HDF5 form, NIfTI, lists, and every way in which they disagree."""

import logging

import nibabel
import numpy as np
import pytest

from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.datasets import la2018, prepare_dataset
from ssgnet_monai.data.volumes.nrrd import read_nrrd
from tests import nrrd_files
from tests.volume_files import write

SHAPE = (40, 36, 10)
CODES = ["06SR5RBREL16DQ6M8LWS", "1D7CUD1955YZPGK8XHJX", "23X6SY44VT9KFHR7S7OC", "X18LU5AOBNNDMLTA0JZL"]
TURNED = np.array([[-0.625, 0, 0, 90], [0, -0.625, 0, 110], [0, 0, 0.625, -30], [0, 0, 0, 1]])


def scan(seed):
    """Noise of air around a chest (30 x 26 voxels) with a bright atrium."""
    voxels = np.random.default_rng(seed).integers(0, 6, SHAPE).astype(np.int16)
    voxels[5:35, 4:30] += 100
    voxels[atrium() > 0] += 60
    return voxels


def atrium():
    label = np.zeros(SHAPE, np.uint8)
    label[12:24, 10:20, 3:8] = 255
    return label


def owners_folder(root, codes=CODES, label=None):
    for code in codes:
        nrrd_files.write(root / code / "lgemri.nrrd", scan(CODES.index(code)), TURNED)
        nrrd_files.write(root / code / "laendo.nrrd", atrium() if label is None else label, TURNED)
    (root / codes[0] / "desktop.ini").write_bytes(b"x")
    return root


def prepare(tmp_path, **options):
    path = prepare_dataset("la2018", tmp_path / "source", tmp_path / "out", {"form": "volumes", **options})
    return load_datalist(path)


def all_items(datalist):
    return [item for part in ("training", "validation", "test", "unlabeled") for item in datalist[part]]


def test_the_body_is_kept_at_its_place_and_slices_come_of_it(tmp_path, caplog):
    owners_folder(tmp_path / "source/Training Set/Training Set")
    datalist = prepare(tmp_path, intensity="stored")
    assert datalist["labels"] == {"0": "background", "1": "atrium"}
    assert {item["group"] for item in all_items(datalist)} == set(CODES)
    image, label = (nibabel.load(tmp_path / "out" / part / f"{CODES[0]}.nii.gz") for part in ("images", "labels"))
    assert all(body <= got <= body + 2 for got, body in zip(image.shape, (30, 26, 10), strict=True))
    start = np.rint(np.linalg.inv(TURNED) @ image.affine)[:3, 3].astype(int)
    box = tuple(slice(s, s + n) for s, n in zip(start, image.shape, strict=True))
    np.testing.assert_array_equal(np.asarray(image.dataobj), scan(0)[box])
    np.testing.assert_array_equal(np.asarray(label.dataobj), atrium()[box] > 0)
    np.testing.assert_allclose(image.affine[:3, :3], TURNED[:3, :3])
    assert "4 volumes are unlike the owner's: 06SR5RBREL16DQ6M8LWS (spacing [0.625, 0.625, 0.625] mm, 10 slices)" in (
        caplog.text
    )

    slices = load_datalist(prepare_dataset("la2018", tmp_path / "source", tmp_path / "slices", {"size": 16}))
    assert len(all_items(slices)) == 40
    assert {item["volume"] for item in all_items(slices)} == {f"{code}.nii.gz" for code in CODES}


def test_lists_make_the_split_and_the_test_chooses_nothing(tmp_path, caplog):
    owners_folder(tmp_path / "source")
    (tmp_path / "source/train.list").write_text("\n".join(CODES[:2]) + "\r\n")
    (tmp_path / "source/test.list").write_text(CODES[3] + "\n")
    with caplog.at_level(logging.INFO):
        datalist = prepare(tmp_path, lists=str(tmp_path / "source"))
    assert [item["group"] for item in datalist["test"]] == [CODES[3]]
    assert len(datalist["training"]) == len(datalist["validation"]) == 1
    assert f"1 cases are on no list and are left out: {CODES[2]}" in caplog.text
    assert "The validation is drawn from the training cases" in caplog.text


def test_zscores_are_of_the_whole_volume(tmp_path):
    owners_folder(tmp_path / "source")
    datalist = prepare(tmp_path, crop="none")
    for item in all_items(datalist):
        voxels = np.asarray(nibabel.load(item["image"]).dataobj)
        assert voxels.shape == SHAPE
        assert voxels.mean() == pytest.approx(0, abs=1e-4)
        assert voxels.std() == pytest.approx(1, abs=1e-4)


def test_the_label_box_says_what_it_does(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(la2018, "UA_MT_LEAST", 14)
    owners_folder(tmp_path / "source")
    prepare(tmp_path, crop="label_box", margin=1.25)
    image = nibabel.load(tmp_path / "out/images" / f"{CODES[0]}.nii.gz")
    assert image.shape == (12 + 2 * 1 + 2 * 2, 10 + 2 * 2 + 2 * 2, 10)
    np.testing.assert_allclose(image.affine[:3, 3], TURNED[:3] @ [12 - 3, 10 - 4, 0, 1])
    assert "crop=label_box uses the ground truth of every case, those of the test too" in caplog.text


def test_hdf5_is_as_ua_mt_made_it(tmp_path, caplog):
    h5py = pytest.importorskip("h5py")
    scored = [(scan(seed) - 40.0).astype(np.float32) / 50 for seed in range(len(CODES))]
    for code, image in zip(CODES, scored, strict=True):
        path = tmp_path / "source/data/2018LA_Seg_Training Set" / code / "mri_norm2.h5"
        path.parent.mkdir(parents=True)
        with h5py.File(path, "w") as file:
            file["image"], file["label"] = image, (atrium() > 0).astype(np.uint8)
    datalist = prepare(tmp_path)
    assert len(all_items(datalist)) == 4
    image = nibabel.load(tmp_path / "out/images" / f"{CODES[2]}.nii.gz")
    np.testing.assert_array_equal(np.asarray(image.dataobj), scored[2])
    np.testing.assert_array_equal(image.affine, np.diag([0.625, 0.625, 0.625, 1]))
    assert "cropped around the ground truth of every case" in caplog.text
    with h5py.File(path, "w") as file:
        file["image"] = scored[0]
    with pytest.raises(ValueError, match=rf"la2018 case {CODES[3]}: Expected HDF5 with image and label"):
        prepare(tmp_path)


def test_lists_say_more_than_the_owners_folders(tmp_path):
    owners_folder(tmp_path / "source/Training Set", CODES[:2])
    owners_folder(tmp_path / "source/Testing Set", CODES[2:])
    assert {item["group"] for item in prepare(tmp_path)["test"]} == set(CODES[2:])
    (tmp_path / "train.list").write_text("\n".join(CODES[1:]))
    (tmp_path / "test.list").write_text(CODES[0])
    assert [item["group"] for item in prepare(tmp_path, lists=str(tmp_path))["test"]] == [CODES[0]]


def test_owners_test_scans_without_labels_are_unlabelled(tmp_path):
    owners_folder(tmp_path / "source/Training Set", CODES[:3])
    owners_folder(tmp_path / "source/Testing Set", CODES[3:])
    (tmp_path / "source/Testing Set" / CODES[3] / "laendo.nrrd").unlink()
    datalist = prepare(tmp_path)
    assert [item["group"] for item in datalist["unlabeled"]] == [CODES[3]]
    (tmp_path / "source/Training Set" / CODES[0] / "laendo.nrrd").unlink()
    with pytest.raises(FileNotFoundError, match=rf"Expected laendo.nrrd beside .*{CODES[0]}"):
        prepare(tmp_path)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (np.zeros(SHAPE, np.uint8), "Expected a label with some foreground, got an empty one"),
        (atrium() // 3, "Expected labels of 0 and 1 or 255, got 0, 85"),
        (np.where(np.arange(10) > 5, atrium(), atrium() // 255), "Expected labels of 0 and 1 or 255, got 0, 1, 255"),
        (atrium()[:-1], "Expected a mask of shape"),
    ],
)
def test_labels_that_are_none(tmp_path, label, message):
    owners_folder(tmp_path / "source", CODES[:1], label.astype(np.uint8))
    with pytest.raises(ValueError, match=rf"la2018 case {CODES[0]}: {message}"):
        prepare(tmp_path)
    assert not (tmp_path / "out/datalist.json").exists()


def test_a_box_that_would_lose_label_is_refused(tmp_path):
    label = atrium()
    label[0, 0, 0] = 255
    owners_folder(tmp_path / "source", CODES[:1], label)
    with pytest.raises(ValueError, match="Expected the body's box to hold the whole label, got 1 label voxels outside"):
        prepare(tmp_path)


def test_an_interrupted_run_goes_on(tmp_path, monkeypatch):
    owners_folder(tmp_path / "source")
    broken = tmp_path / "source" / CODES[2] / "lgemri.nrrd"
    content = broken.read_bytes()
    broken.write_bytes(content[:200])
    with pytest.raises(ValueError, match=rf"la2018 case {CODES[2]}: Expected a readable NRRD volume"):
        prepare(tmp_path)
    broken.write_bytes(content)
    read = []
    monkeypatch.setattr(la2018, "read_nrrd", lambda path: read.append(path) or read_nrrd(path))
    prepare(tmp_path)
    assert {path.parent.name for path in read} == {CODES[2]}
    read.clear()
    prepare(tmp_path)
    assert read == []


def test_unusable_options_and_folders(tmp_path):
    owners_folder(tmp_path / "source", CODES[:1])
    with pytest.raises(ValueError, match="Expected crop out of foreground, label_box, none, got 'label'"):
        prepare(tmp_path, crop="label")
    with pytest.raises(ValueError, match="Expected intensity 'zscore' or 'stored', got 'z'"):
        prepare(tmp_path, intensity="z")
    (tmp_path / "other").mkdir()
    with pytest.raises(FileNotFoundError, match=r"Expected <code>/lgemri.nrrd .* found no files"):
        prepare_dataset("la2018", tmp_path / "other", tmp_path / "out", {})
    write(tmp_path / "other/images/a.nii.gz", scan(0))
    with pytest.raises(ValueError, match="Expected an image and a label for every case .* one of them for a"):
        prepare_dataset("la2018", tmp_path / "other", tmp_path / "out", {})


def test_real_volumes(realdata, tmp_path):
    codes = sorted(path.name.removesuffix(".nii.gz") for path in realdata("la").glob("images/*.nii.gz"))
    (tmp_path / "train.list").write_text("\n".join(codes[:2]))
    (tmp_path / "test.list").write_text(codes[-1])
    options = {"lists": str(tmp_path), "size": 32, "empty_slices": "drop"}
    datalist = load_datalist(prepare_dataset("la2018", realdata("la"), tmp_path / "out", options))
    assert {item["group"] for item in datalist["test"]} == {codes[-1]}
    assert all(30 < len(datalist[part]) <= 88 for part in ("training", "validation", "test"))

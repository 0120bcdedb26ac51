"""BraTS 2019: contrasts, targets, grades, lists, and files that are not the owner's."""

import nibabel
import numpy as np
import pytest

from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.datasets import prepare_dataset
from tests.volume_files import write

SHAPE = (24, 20, 8)
AFFINE = np.array([[-1.0, 0, 0, 0], [0, -1, 0, 239], [0, 0, 1, 0], [0, 0, 0, 1]])
CASES = {f"BraTS19_{centre}_1": grade for centre, grade in (
    ("2013_0", "LGG"), ("CBICA_AAB", "HGG"), ("TCIA01_147", "HGG"), ("TMC_06290", "LGG"),
)}  # fmt: skip
BRAIN = (slice(4, 20), slice(2, 18), slice(1, 7))


def contrast(seed):
    """A brain of 16 x 16 x 6 voxels above a background of 0."""
    voxels = np.zeros(SHAPE, np.int16)
    voxels[BRAIN] = np.random.default_rng(seed).integers(50, 900, (16, 16, 6))
    return voxels


def tumour():
    label = np.zeros(SHAPE, np.uint8)
    label[6:14, 5:12, 2:6] = 2
    label[8:12, 6:10, 3:5] = 1
    label[9:11, 7:9, 3:5] = 4
    return label


def owners_folder(root, label=None):
    for number, (case, grade) in enumerate(CASES.items()):
        for offset, kind in enumerate(("flair", "t1", "t1ce", "t2")):
            write(root / grade / case / f"{case}_{kind}.nii.gz", contrast(10 * number + offset), AFFINE)
        write(root / grade / case / f"{case}_seg.nii.gz", tumour() if label is None else label, AFFINE)
    (root / "name_mapping.csv").write_text("Grade,BraTS_2019_subject_ID\n")
    (root / "HGG/desktop.ini").write_bytes(b"x")
    return root


def prepare(tmp_path, **options):
    path = prepare_dataset("brats2019", tmp_path / "source", tmp_path / "out", {"form": "volumes", **options})
    return load_datalist(path)


def all_items(datalist):
    return [item for part in ("training", "validation", "test", "unlabeled") for item in datalist[part]]


@pytest.mark.parametrize(("target", "labels"), [("whole", (1, 2, 4)), ("core", (1, 4)), ("enhancing", (4,))])
def test_targets_contrasts_and_place(tmp_path, target, labels):
    owners_folder(tmp_path / "source/MICCAI_BraTS_2019_Data_Training/MICCAI_BraTS_2019_Data_Training")
    datalist = prepare(tmp_path, target=target, modality="t1ce", intensity="stored")
    assert {item["group"] for item in all_items(datalist)} == set(CASES)
    assert datalist["labels"]["1"] == "tumour"
    for number, case in enumerate(CASES):
        image, label = (nibabel.load(tmp_path / "out" / part / f"{case}.nii.gz") for part in ("images", "labels"))
        start = np.rint(np.linalg.inv(AFFINE) @ image.affine)[:3, 3].astype(int)
        box = tuple(slice(s, s + n) for s, n in zip(start, image.shape, strict=True))
        assert all(16 * 16 * 6 <= np.prod(one.shape) <= 17 * 17 * 7 for one in (image, label))
        np.testing.assert_array_equal(np.asarray(image.dataobj), contrast(10 * number + 2)[box])
        np.testing.assert_array_equal(np.asarray(label.dataobj), np.isin(tumour(), labels)[box])


def test_scores_are_those_of_the_brain_and_background_is_lowest(tmp_path):
    owners_folder(tmp_path / "source")
    for item in all_items(prepare(tmp_path, crop="none", classes="grade")):
        voxels = np.asarray(nibabel.load(item["image"]).dataobj)
        assert voxels[BRAIN].mean() == pytest.approx(0, abs=1e-4)
        assert voxels[BRAIN].std() == pytest.approx(1, abs=1e-4)
        assert voxels[0, 0, 0] == voxels.min() < voxels[BRAIN].min()
        assert (voxels == voxels.min()).sum() == np.prod(SHAPE) - 16 * 16 * 6
        assert item["class"] == CASES[item["group"]]


def test_linked_cases_are_read_and_a_part_of_them_is_told(tmp_path, caplog):
    case = owners_folder(tmp_path / "source") / "HGG/BraTS19_CBICA_AAB_1"
    case.rename(tmp_path / "elsewhere")
    case.symlink_to(tmp_path / "elsewhere")
    assert len(all_items(prepare(tmp_path))) == len(CASES)
    assert "brats2019: the owner has 335 cases, this folder 4." in caplog.text


def test_an_unusual_shape_is_told_and_slices_come_of_it(tmp_path, caplog):
    owners_folder(tmp_path / "source")
    datalist = load_datalist(prepare_dataset("brats2019", tmp_path / "source", tmp_path / "out", {"size": 16}))
    assert 4 * 6 <= len(all_items(datalist)) <= 4 * 7
    assert (
        "4 volumes are unlike the owner's: BraTS19_2013_0_1 ((24, 20, 8) voxels of [1.0, 1.0, 1.0] mm)" in caplog.text
    )


def test_three_lists(tmp_path):
    owners_folder(tmp_path / "source")
    cases = sorted(CASES)
    for name, chosen in (("train", cases[:2]), ("val", cases[2:3]), ("test", cases[3:])):
        (tmp_path / "source" / f"{name}.txt").write_text("\n".join(chosen))
    datalist = prepare(tmp_path, lists=str(tmp_path / "source"))
    assert [sorted(i["group"] for i in datalist[part]) for part in ("training", "validation", "test")] == [
        cases[:2], cases[2:3], cases[3:],
    ]  # fmt: skip
    with open(tmp_path / "source/train.txt", "a") as file:
        file.write("\nBraTS19_TMC_99999_1")
    with pytest.raises(ValueError, match=r"train.txt, got 1 of 3 that are not there: BraTS19_TMC_99999_1"):
        prepare(tmp_path, lists=str(tmp_path / "source"))


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (np.where(tumour() == 4, 3, tumour()), r"Expected labels 0 \(background\), .* got 0, 1, 2, 3 in .*_seg.nii.gz"),
        (np.zeros(SHAPE), "Expected some tumour, got an empty label"),
        (tumour()[:, :-1], "Expected a mask of shape"),
    ],
)
def test_labels_that_are_not_the_owners(tmp_path, label, message):
    owners_folder(tmp_path / "source", label.astype(np.uint8))
    with pytest.raises(ValueError, match=rf"brats2019 case BraTS19_2013_0_1: {message}"):
        prepare(tmp_path)


def test_a_case_may_lack_the_enhancing_part(tmp_path):
    owners_folder(tmp_path / "source", np.minimum(tumour(), 2))
    datalist = prepare(tmp_path, target="enhancing")
    assert not np.asarray(nibabel.load(datalist["test"][0]["label"]).dataobj).any()


def test_missing_contrasts_normalised_copies_and_unusable_options(tmp_path):
    (tmp_path / "source").mkdir()
    with pytest.raises(ValueError, match="Expected target out of whole, core, enhancing, got 'edema'"):
        prepare(tmp_path, target="edema")
    with pytest.raises(FileNotFoundError, match="Expected HGG/BraTS19"):
        prepare(tmp_path)
    owners_folder(tmp_path / "source")
    case = tmp_path / "source/HGG/BraTS19_CBICA_AAB_1"
    write(case / "BraTS19_CBICA_AAB_1_flair.nii.gz", contrast(0).astype(np.float32) - 1, AFFINE)
    with pytest.raises(ValueError, match=r"brats2019 case BraTS19_CBICA_AAB_1: Expected a skull-stripped brain"):
        prepare(tmp_path)
    (case / "BraTS19_CBICA_AAB_1_flair.nii.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"Expected <case>_flair.nii.gz of all 4 .* 1: BraTS19_CBICA_AAB_1"):
        prepare(tmp_path)
    assert len(all_items(prepare(tmp_path, modality="t2"))) == 4

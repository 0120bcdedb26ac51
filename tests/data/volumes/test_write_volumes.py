"""Whole volumes: what is written is what came, at its place, and MONAI reads the list."""

import json
import re

import nibabel
import numpy as np
import pytest
from monai.data import load_decathlon_datalist
from PIL import Image
from scipy.ndimage import map_coordinates

from ssgnet_monai.cli import main
from ssgnet_monai.data import load_datalist, prepare_folder
from ssgnet_monai.data.volumes import write_volumes
from ssgnet_monai.data.volumes.view import slice_view
from ssgnet_monai.transforms import LoadImageMaskd
from tests.volume_files import SHAPE, SPACING, ct, dataset, f_mask, oblique, write

SPLIT = (0.5, 0.25, 0.25)


def prepare(tmp_path, **options):
    images, masks = options.pop("source", None) or dataset(tmp_path)
    return prepare_folder(images, masks, tmp_path / "out", **{"form": "volumes", "split": SPLIT, **options})


def test_voxels_spacing_and_orientation_stay(tmp_path):
    path = prepare(tmp_path)
    datalist = load_datalist(path)
    items = [item for part in ("training", "validation", "test") for item in datalist[part]]
    assert sorted(len(datalist[part]) for part in ("training", "validation", "test")) == [1, 1, 2]
    for item in items:
        number = int(item["image"][-8])
        assert item["image"].endswith(f"images/case{number}.nii.gz")
        image, label = nibabel.load(item["image"]), nibabel.load(item["label"])
        np.testing.assert_array_equal(np.asarray(image.dataobj), ct(number))
        np.testing.assert_array_equal(np.asarray(label.dataobj), np.roll(f_mask(), number, axis=1))
        for one in (image, label):
            np.testing.assert_allclose(one.affine, oblique(), atol=1e-5)
            np.testing.assert_allclose(one.header.get_zooms(), SPACING, atol=1e-5)
    training = np.stack([np.asarray(nibabel.load(item["image"]).dataobj) for item in datalist["training"]])
    np.testing.assert_allclose(datalist["voxel_window"], np.percentile(training, [0.5, 99.5]), atol=2)
    found = json.loads((tmp_path / "out" / "prepare.json").read_text())
    assert found["volumes"]["shape"] == [[length, length] for length in SHAPE]
    assert found["masks"]["median_foreground"] == pytest.approx(f_mask().mean())


def test_monai_reads_the_list(tmp_path):
    path = prepare(tmp_path)
    read = load_decathlon_datalist(str(path), data_list_key="training")
    assert [item["image"] for item in read] == [item["image"] for item in load_datalist(path)["training"]]


def test_another_spacing(tmp_path):
    images, masks = dataset(tmp_path)
    words = ["--images", str(images), "--masks", str(masks), "--out", str(tmp_path / "out")]
    assert main(["data", "prepare", *words, "--form", "volumes", "--spacing", "1", "1", "2.5"]) == 0
    image, label = (nibabel.load(tmp_path / "out" / folder / "case0.nii.gz") for folder in ("images", "labels"))
    np.testing.assert_allclose(image.header.get_zooms(), (1, 1, 2.5), atol=1e-4)
    assert image.shape == label.shape == (14, 19, 11)
    indices = np.indices(image.shape).reshape(3, -1)
    places = image.affine @ np.vstack([indices, np.ones(indices.shape[1])])
    known = map_coordinates(ct().astype(float), (np.linalg.inv(oblique()) @ places)[:3], order=1, mode="nearest")
    np.testing.assert_allclose(np.asarray(image.dataobj).ravel(), known, atol=0.01)
    inside = np.asarray(label.dataobj) == 1
    assert set(np.unique(np.asarray(label.dataobj))) == {0, 1}
    assert np.asarray(image.dataobj)[inside].mean() > 300 > -700 > np.asarray(image.dataobj)[~inside].mean()


def test_header_texts_are_left_behind(tmp_path):
    source = dataset(tmp_path)
    image = nibabel.load(source[0] / "case0.nii.gz")
    image.header["descrip"] = b"DOE JANE"
    nibabel.save(nibabel.Nifti1Image(ct(), oblique(), image.header), source[0] / "case0.nii.gz")
    prepare(tmp_path, source=source)
    assert nibabel.load(tmp_path / "out" / "images" / "case0.nii.gz").header["descrip"].item() == b""


def test_an_interrupted_run_goes_on(tmp_path, monkeypatch):
    source = dataset(tmp_path)
    write(source[1] / "case3_mask.nii", f_mask(), oblique(40))
    with pytest.raises(ValueError, match=r"Expected a mask of shape .* in .*case3_mask.nii"):
        prepare(tmp_path, source=source)
    assert not (tmp_path / "out" / "datalist.json").exists()
    write(source[1] / "case3_mask.nii", f_mask())
    written = []
    real = write_volumes._write
    monkeypatch.setattr(write_volumes, "_write", lambda pair, *rest: written.append(pair.stem) or real(pair, *rest))
    prepare(tmp_path, source=source)
    prepare(tmp_path, source=source)
    assert written == ["case3"]


ORGANS = {"0": "background", "1": "liver", "2": "spleen"}


def organs(source, values=(1, 2), dtype=np.uint8):
    """The masks in two parts, of which every second case has the first alone."""
    truth = []
    for index in range(4):
        classes = np.roll(f_mask(), index, axis=1) * np.uint8(1)
        if index % 2:
            classes[:9] *= 2
        coded = np.zeros(classes.shape, dtype)
        for number, value in enumerate(values, start=1):
            coded[classes == number] = value
        write(source[1] / f"case{index}_mask.nii", coded)
        truth.append(classes)
    return truth


def check_classes(path, truth):
    datalist = load_datalist(path)
    for item in [item for part in ("training", "validation", "test") for item in datalist[part]]:
        label = nibabel.load(item["label"])
        assert label.get_data_dtype() == np.uint8
        np.testing.assert_array_equal(np.asarray(label.dataobj), truth[int(item["label"][-8])])
    return datalist


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_small_numbers_without_a_gap_are_classes(tmp_path, dtype):
    source = dataset(tmp_path)
    assert load_datalist(prepare(tmp_path, source=source))["labels"] == {"0": "background", "1": "lesion"}
    truth = organs(source, dtype=dtype)
    datalist = check_classes(prepare(tmp_path, source=source), truth)
    assert datalist["labels"] == {"0": "background", "1": "class 1", "2": "class 2"}
    found = json.loads((tmp_path / "out" / "prepare.json").read_text())
    assert found["masks"]["volumes_with"] == {"background": 4, "class 1": 4, "class 2": 2}
    assert found["masks"]["median_foreground"] == pytest.approx(f_mask().mean())
    assert "values 0 to 2, which are taken as 3 classes" in str(found["warnings"])


def test_named_values_with_gaps_become_class_numbers(tmp_path):
    source = dataset(tmp_path)
    truth = organs(source, values=(500, 205), dtype=np.int16)
    with pytest.raises(ValueError, match=r"got \{0, 205, 500\} in 4 masks.*name them with --labels") as refused:
        prepare(tmp_path, source=source)
    example = json.loads(re.search(r"\{\".*?\}", str(refused.value))[0])  # the advice is followed as it stands
    swapped = [np.array([0, 2, 1], np.uint8)[classes] for classes in truth]
    datalist = check_classes(prepare(tmp_path, source=source, labels=example), swapped)
    assert datalist["labels"] == {"0": "background", "1": "class 1", "2": "class 2"}
    named = {"background": 0, "liver": 500, "spleen": 205}  # as nnU-Net has them
    datalist = check_classes(prepare(tmp_path, source=source, labels=named), swapped)
    assert datalist["labels"] == {"0": "background", "1": "spleen", "2": "liver"}
    unknown = {"0": "background", "500": "liver", "205": "ignore"}
    expected = [np.array([0, 1, 255], np.uint8)[classes] for classes in truth]
    datalist = check_classes(prepare(tmp_path, source=source, labels=unknown), expected)
    assert datalist["labels"] == {"0": "background", "1": "liver"}
    united = {"0": "background", "500": "organ", "205": "organ"}
    datalist = check_classes(prepare(tmp_path, source=source, labels=united), [classes > 0 for classes in truth])
    with pytest.raises(ValueError, match=r"values \{0, 205\} that labels names, got 500 in .*_mask.nii"):
        prepare(tmp_path, source=source, labels={"0": "background", "205": "spleen"})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((1, 3), r"got \{0, 1, 3\}"),
        ((2, 5), r"got \{0, 2, 5\}"),
        ((1, 255), r"got \{0, 1, 255\}"),
        ((-1, 1), r"from 0 on, got \{-1, 0, 1\}"),
        ((0.5, 1), r"fractions such as 0.5"),
    ],
)
def test_values_of_several_readings_are_refused(tmp_path, values, reason):
    source = dataset(tmp_path)
    organs(source, values=values, dtype=np.float32)
    with pytest.raises(ValueError, match=reason):
        prepare(tmp_path, source=source)


def test_classes_survive_another_spacing(tmp_path):
    source = dataset(tmp_path)
    truth = organs(source)
    path = prepare(tmp_path, source=source, spacing=[0.7, 0.8, 2.5])
    datalist = load_datalist(path)
    assert datalist["voxel_spacing"] == [0.7, 0.8, 2.5]
    for item in datalist["training"]:
        label = np.asarray(nibabel.load(item["label"]).dataobj)
        assert label.dtype == np.uint8
        np.testing.assert_array_equal(label[..., ::2], truth[int(item["label"][-8])])


def test_masks_on_another_grid_pictures_and_unusable_options(tmp_path):
    source = dataset(tmp_path)
    with pytest.raises(ValueError, match=r"Expected spacing of three lengths in mm"):
        prepare(tmp_path, source=source, spacing=[1, 1])
    with pytest.raises(ValueError, match=r"Expected form 'slices', or 'volumes' .* got form 'slices' and spacing"):
        prepare(tmp_path, source=source, form="slices", spacing=[1, 1, 1])
    with pytest.raises(ValueError, match=r"Expected clahe and clean_masks with slices only, got True and 0"):
        prepare(tmp_path, source=source, clahe=True)
    with pytest.raises(ValueError, match=r"got form 'volume'"):
        prepare(tmp_path, source=source, form="volume")
    write(source[1] / "case1_mask.nii", f_mask(), oblique(40))
    with pytest.raises(ValueError, match=r"Expected a mask of shape .* in .*case1_mask.nii. Resample it"):
        prepare(tmp_path, source=source)


def test_one_voxel_does_not_take_the_window(tmp_path):
    source = dataset(tmp_path)
    for index in range(4):
        voxels = ct(index) + np.float32(0.25)
        voxels[0, 0, 0] = 1e9
        write(source[0] / f"case{index}.nii.gz", voxels)
    low, high = load_datalist(prepare(tmp_path, source=source))["voxel_window"]
    assert -1024 <= low < -1000
    assert 800 < high < 1000
    warned = str(json.loads((tmp_path / "out" / "prepare.json").read_text())["warnings"])
    assert "2 of 2 volumes hold voxels far from all others" in warned
    assert "nii.gz holds 1e+09 beside" in warned


def test_official_splits_and_patients_of_a_table(tmp_path):
    source = dataset(tmp_path, number=7)
    splits = ["train", "train", "train", "train", "val", "test", "unlabeled"]
    rows = [f"case{k},patient{k // 2},{split}\n" for k, split in enumerate(splits)]
    (tmp_path / "cases.csv").write_text("case,patient,split\n" + "".join(rows))
    table = str(tmp_path / "cases.csv")
    words = ["--images", str(source[0]), "--masks", str(source[1]), "--out", str(tmp_path / "out"), "--form", "volumes"]
    assert main(["data", "prepare", *words, "--groups", f"{table}:patient", "--splits", f"{table}:split"]) == 0
    datalist = load_datalist(tmp_path / "out")
    stems = {part: [item["image"][-12:-7] for item in datalist[part]] for part in ("training", "validation", "test")}
    assert stems == {"training": [f"case{k}" for k in range(4)], "validation": ["case4"], "test": ["case5"]}
    assert [item["group"] for item in datalist["training"]] == ["patient0", "patient0", "patient1", "patient1"]
    # patient2 has a scan in validation and one in test, and is told
    assert "group" not in datalist["validation"][0]
    assert "1 groups" in str(json.loads((tmp_path / "out" / "prepare.json").read_text())["warnings"])
    assert [sorted(item) for item in datalist["unlabeled"]] == [["class", "group", "image", "origin"]]
    with pytest.raises(ValueError, match="shares of a split, or a table of splits, got .*Leave one out"):
        prepare(tmp_path, source=source, splits=table)


def test_a_validation_that_the_owner_does_not_name_is_drawn_from_the_training(tmp_path):
    source = dataset(tmp_path, number=10)
    (tmp_path / "s.csv").write_text(
        "case,split\n" + "".join(f"case{k},{'train' if k < 8 else 'test'}\n" for k in range(10))
    )
    datalist = load_datalist(prepare(tmp_path, source=source, split=None, splits=tmp_path / "s.csv"))
    assert [len(datalist[part]) for part in ("training", "validation", "test")] == [7, 1, 2]
    datalist = load_datalist(prepare(tmp_path, source=source, split=[1.0, 0.0, 0.0], splits=tmp_path / "s.csv"))
    assert [len(datalist[part]) for part in ("training", "validation", "test")] == [8, 0, 2]


@pytest.mark.parametrize("form", ["volumes", "slices"])
def test_a_mask_for_each_class_of_a_volume(tmp_path, form):
    images, masks = dataset(tmp_path)
    for index in range(4):
        whole = np.roll(f_mask(), index, axis=1)
        (masks / f"case{index}_mask.nii").unlink()
        core = whole.copy()
        core[:9] = 0
        write(masks / f"case{index}_organ.nii.gz", whole)
        write(masks / f"case{index}_tumour.nii.gz", core * 255)
    options = {"labels": {"organ": "liver", "tumour": "lesion"}, "form": form, "split": (0.5, 0.25, 0.25), "size": None}
    datalist = load_datalist(prepare_folder(images, masks, tmp_path / "out", **options))
    assert datalist["labels"] == {"0": "background", "1": "liver", "2": "lesion"}
    for item in datalist["training"]:
        truth = np.roll(f_mask(), int(item["image"].split("case")[1][0]), axis=1)
        truth[9:] *= 2
        if form == "volumes":
            np.testing.assert_array_equal(np.asarray(nibabel.load(item["label"]).dataobj), truth)
        else:
            mask = np.asarray(Image.open(item["label"]))
            np.testing.assert_array_equal(mask, slice_view(truth, oblique(), item["axis"])[item["slice"]])
    write(masks / "case0_tumour.nii.gz", f_mask(), oblique(40))
    with pytest.raises(ValueError, match=r"Expected a mask of shape .* in .*case0_tumour.nii.gz"):
        prepare_folder(images, masks, tmp_path / "out", **options)
    with pytest.raises(ValueError, match=r"Expected the values of mask volumes in labels, got colours"):
        prepare_folder(*dataset(tmp_path / "b"), tmp_path / "out2", **{**options, "labels": {"#ff0000": "liver"}})


@pytest.mark.parametrize("form", ["volumes", "slices"])
def test_a_folder_of_nnunet_is_prepared_as_it_is(tmp_path, form):
    root = tmp_path / "Dataset007_Abdomen"
    images, masks = dataset(tmp_path / "source")
    truth = organs((images, masks))
    for index in range(4):
        write(root / "imagesTr" / f"case{index}_0000.nii.gz", ct(index))
        write(
            root / "labelsTr" / f"case{index}.nii.gz", np.asarray(nibabel.load(masks / f"case{index}_mask.nii").dataobj)
        )
    write(root / "imagesTs" / "hidden_0000.nii.gz", ct(9))
    labels = {"background": 0, "liver": 1, "spleen": 2}
    content = {"channel_names": {"0": "CT"}, "labels": labels, "numTraining": 4, "file_ending": ".nii.gz"}
    (root / "dataset.json").write_text(json.dumps(content))
    words = ["--images", str(root), "--out", str(tmp_path / "out"), "--form", form, "--split", "0.5", "0.25", "0.25"]
    assert main(["data", "prepare", *words]) == 0
    datalist = load_datalist(tmp_path / "out")
    assert datalist["labels"] == ORGANS
    found = [item for part in ("training", "validation", "test") for item in datalist[part]]
    assert len(found) == (4 if form == "volumes" else 4 * SHAPE[2])
    if form == "volumes":
        check_classes(tmp_path / "out", truth)


def test_slices_of_several_classes_are_pictures_of_class_numbers(tmp_path):
    source = dataset(tmp_path)
    truth = organs(source, values=(7, 3))
    labels = {"background": 0, "liver": 7, "spleen": 3}
    path = prepare(tmp_path, source=source, form="slices", size=None, labels=labels)
    datalist = load_datalist(path)
    assert datalist["labels"] == {"0": "background", "1": "spleen", "2": "liver"}
    values = set()
    for item in [item for part in ("training", "validation", "test") for item in datalist[part]]:
        with Image.open(item["label"]) as mask:
            assert mask.mode == "P"
            numbers = np.asarray(mask)
        case = np.array([0, 2, 1], np.uint8)[truth[int(item["group"][-1])]]
        np.testing.assert_array_equal(numbers, slice_view(case, oblique(), item["axis"])[item["slice"]])
        load = LoadImageMaskd(datalist["intensity_window"], num_channels=1, num_classes=3)
        np.testing.assert_array_equal(load(item)["label"].numpy()[0], numbers)
        values |= set(np.unique(numbers).tolist())
    assert values == {0, 1, 2}

"""Hearts of two public datasets as their subsets lie on disk: one command, the owner's split, patients, every voxel."""

import csv
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.cli import main
from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.volumes.view import slice_view

HEART = '{"0": "background", "1": "right ventricle", "2": "myocardium", "3": "left ventricle"}'


def subset(tmp_path, source, number):
    """Links to some cases of each split, with the owner's table."""
    with open(source / "cases.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    column = next(key for key in rows[0] if key.endswith("split"))
    chosen = [row for split in ("train", "val", "test") for row in [r for r in rows if r[column] == split][:number]]
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
        for row in chosen:
            (tmp_path / folder / f"{row['case']}.nii.gz").symlink_to(source / folder / f"{row['case']}.nii.gz")
    return chosen, f"{source / 'cases.csv'}:{column}", source / "labels"


@pytest.mark.parametrize("form", ["volumes", "slices"])
def test_acdc_at_half_resolution(tmp_path, realdata, form):
    chosen, splits, labels = subset(tmp_path, realdata("acdc_half"), 4)
    groups = splits.rpartition(":")[0] + ":patient"
    words = ["--images", str(tmp_path), "--splits", splits, "--groups", groups, "--labels", HEART, "--form", form]
    assert (
        main(["data", "prepare", *words, "--out", str(tmp_path / "out"), *(["--size", "96"] * (form == "slices"))]) == 0
    )
    datalist = load_datalist(tmp_path / "out")
    assert list(datalist["labels"].values()) == ["background", "right ventricle", "myocardium", "left ventricle"]
    for part, split in (("training", "train"), ("validation", "val"), ("test", "test")):
        expected = {row["patient"] for row in chosen if row["split"] == split}
        assert {item["group"] for item in datalist[part]} == expected
    item = datalist["training"][0]
    if form == "volumes":
        truth = nibabel.load(labels / Path(item["image"]).name)
        written = nibabel.load(item["label"])
        np.testing.assert_array_equal(np.asarray(written.dataobj), np.asarray(truth.dataobj))
        np.testing.assert_allclose(written.header.get_zooms(), (3, 3, 10))
        return
    truth = nibabel.load(labels / item["volume"])
    slices = slice_view(np.asarray(truth.dataobj), truth.affine, item["axis"])
    found = [one for one in datalist["training"] if one["volume"] == item["volume"]]
    assert [one["slice"] for one in found] == list(range(len(slices)))
    for one in found:
        mask, whole = np.asarray(Image.open(one["label"])), slices[one["slice"]]
        assert mask.shape == (96, 96)
        for number in range(4):
            assert (mask == number).mean() == pytest.approx((whole == number).mean(), abs=0.01)


def test_left_atria_at_half_resolution(tmp_path, realdata):
    _, splits, labels = subset(tmp_path, realdata("la_half"), 3)
    words = ["--images", str(tmp_path), "--splits", splits, "--split", "1", "0", "0", "--foreground", "atrium"]
    assert main(["data", "prepare", *words, "--form", "volumes", "--out", str(tmp_path / "out")]) == 0
    datalist = load_datalist(tmp_path / "out")
    assert datalist["labels"] == {"0": "background", "1": "atrium"}
    assert [len(datalist[part]) for part in ("training", "validation", "test")] == [3, 0, 3]
    for item in datalist["test"]:
        image, label = nibabel.load(item["image"]), nibabel.load(item["label"])
        np.testing.assert_array_equal(
            np.asarray(label.dataobj), np.asarray(nibabel.load(labels / Path(item["label"]).name).dataobj)
        )
        source = nibabel.load(labels.parent / "images" / Path(item["image"]).name)
        np.testing.assert_allclose(image.get_fdata(), source.get_fdata(), atol=1e-6)  # the z-scores stay
        assert image.header.get_zooms() == (1.25, 1.25, 1.25)

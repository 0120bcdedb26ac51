from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.datasets import prepare_dataset
from tests.picture_files import write_picture, write_values

HEADER = "name,patient ID, grade (GlaS), grade (Sirinukunwattana et al. 2015)"
GRADES = ("benign, adenomatous", "malignant, moderately-to-poorly differentated", "benign, healthy")
NAMES = [*(f"train_{n}" for n in range(1, 13)), *(f"testA_{n}" for n in (1, 2, 10)), "testB_1"]


@pytest.fixture
def owners_folder(tmp_path):
    """A miniature of the archive: one flat folder, glands numbered 1 and 2, a table whose lines end in CR."""
    root = tmp_path / "source/Warwick QU Dataset (Released 2016_07_08)"
    for index, name in enumerate(NAMES):
        glands = np.zeros((12, 16))
        glands[2:5, 2:5], glands[7:10, 8:14] = 1, 2
        write_picture(root / f"{name}.bmp", index, (12, 16, 3))
        write_values(root / f"{name}_anno.bmp", glands)
    rows = [f"{name},{index % 4}, {GRADES[index % 3]}" for index, name in enumerate(NAMES)]
    (root / "Grade.csv").write_bytes("\r".join([HEADER, *rows]).encode())
    return tmp_path / "source"


def prepared(source, out, **options):
    return load_datalist(prepare_dataset("glas", source, out, {"size": None, **options}))


def stems(items):
    return [Path(item["image"]).stem for item in items]


def test_numbered_glands_are_foreground_and_the_official_test_stays(owners_folder, tmp_path, caplog):
    datalist = prepared(owners_folder, tmp_path / "out")
    assert sorted(stems(datalist["test"])) == ["testA_1", "testA_10", "testA_2", "testB_1"]
    assert len(datalist["training"] + datalist["validation"]) == 12
    mask = np.asarray(Image.open(tmp_path / "out/masks/testA_10.png"))
    assert (mask == 1).sum() == 9 + 18
    assert datalist["classes"] == ["all"]
    assert datalist["group_source"] == "patient ID of Grade.csv"
    assert "The official split has images of" in caplog.text  # patients on both sides


@pytest.mark.parametrize(("test", "names"), [("A", {"testA_1", "testA_2", "testA_10"}), ("B", {"testB_1"})])
def test_one_of_the_two_tests(owners_folder, tmp_path, test, names):
    datalist = prepared(owners_folder, tmp_path / "out", test=test)
    assert set(stems(datalist["test"])) == names
    assert len(datalist["training"] + datalist["validation"]) == 12
    assert not datalist["unlabeled"]


def test_a_split_drawn_anew_keeps_patients_together(owners_folder, tmp_path):
    datalist = prepared(owners_folder, tmp_path / "out", split=[0.5, 0.25, 0.25])
    groups = [{item["group"] for item in datalist[split]} for split in ("training", "validation", "test")]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 4


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        (None, ["benign", "malignant"]),
        ("differentiation", ["adenomatous", "healthy", "moderately_to_poorly_differentiated"]),
    ],
)
def test_grades(owners_folder, tmp_path, classes, names):
    datalist = prepared(owners_folder, tmp_path / "out", task="classification", classes=classes)
    assert datalist["classes"] == names
    assert all("label" not in item for item in datalist["test"])
    assert next(item for item in datalist["test"] if "testA_1." in item["image"])["class"] == names[0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (" grade (GlaS)", "verdict", r"found no \['grade\(glas\)'\]"),
        ("malignant", "unsure", r"Expected grades out of \['benign', 'malignant'\] .* got \['unsure'\]"),
        ("train_3,", "train_99,", "found none for train_3"),
        ("train_3,", "train_2,", "Expected one row for each image in .* got 16 rows for 15"),
        (", adenomatous", "", "Expected 4 cells in every row"),
    ],
)
def test_tables_that_disagree(owners_folder, tmp_path, old, new, message):
    table = next(owners_folder.rglob("Grade.csv"))
    table.write_bytes(table.read_bytes().replace(old.encode(), new.encode()))
    with pytest.raises(ValueError, match=message):
        prepared(owners_folder, tmp_path / "out", task="classification")


def test_foreign_names_options_and_missing_table(owners_folder, tmp_path):
    with pytest.raises(ValueError, match="test out of .*'C'"):
        prepared(owners_folder, tmp_path / "out", test="C")
    root = next(owners_folder.iterdir())
    write_picture(root / "slide.bmp", 1, (12, 16, 3))
    write_values(root / "slide_anno.bmp", np.zeros((12, 16)))
    with pytest.raises(ValueError, match=r"Expected names like train_1.* got slide\.bmp"):
        prepared(owners_folder, tmp_path / "out")
    (root / "Grade.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"Expected \{Grade\.csv\}"):
        prepared(owners_folder, tmp_path / "out", task="classification")


def test_real_images(realdata, tmp_path, caplog):
    datalist = prepared(realdata("glas"), tmp_path / "out", size=32)
    assert len(datalist["training"] + datalist["validation"] + datalist["test"]) == 40
    assert all(name.startswith("test") for name in stems(datalist["test"]))
    assert datalist["group_source"].startswith("none")
    assert "there is no Grade.csv: patients are not known" in caplog.text

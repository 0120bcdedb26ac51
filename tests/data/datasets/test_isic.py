from pathlib import Path

import numpy as np
import pytest

from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.datasets import prepare_dataset
from tests.picture_files import write_picture, write_values

PARTS = {"Training": range(12), "Validation": range(20, 22), "Test_v2": range(30, 33)}


def write_lesions(images, masks, numbers):
    for number in numbers:
        stem = f"ISIC_{number:07d}"
        mask = np.zeros((12, 16))
        mask[3:8, 3 : 5 + number % 9] = 255
        write_picture(images / f"{stem}.jpg", number, (12, 16, 3))
        write_picture(images / f"{stem}_superpixels.png", number + 100, (12, 16, 3))
        write_values(masks / f"{stem}_{'S' if number == 1 else 's'}egmentation.png", mask)
    (images / f"{images.name}_metadata.csv").write_text("image_id,age_approximate,sex\n")


def owners_folder_2017(root, parts=tuple(PARTS)):
    for part in parts:
        truth = root / f"ISIC-2017_{part}_Part1_GroundTruth"
        write_lesions(root / f"ISIC-2017_{part}_Data", truth, PARTS[part])
        rows = [f"ISIC_{number:07d},{float(number % 3 == 1)},{float(number % 3 == 2)}" for number in PARTS[part]]
        table = "\n".join(["image_id,melanoma,seborrheic_keratosis", *rows])
        (root / f"ISIC-2017_{part}_Part3_GroundTruth.csv").write_text(table + "\n")
    return root


def numbers(items):
    return sorted(int(item["image"][-11:-4]) for item in items)


def prepared(name, source, out, **options):
    return load_datalist(prepare_dataset(name, source, out, {"size": 8, **options}))


def test_official_splits_and_superpixels_passed_by(tmp_path, caplog):
    datalist = prepared("isic2017", owners_folder_2017(tmp_path / "source/isic"), tmp_path / "out")
    assert [numbers(datalist[split]) for split in ("training", "validation", "test")] == list(map(list, PARTS.values()))
    assert all("label" in item for item in datalist["training"])
    assert datalist["split_fractions"] == "official"
    assert "the owner has 2000 images for training, this folder 12" in caplog.text


def test_a_validation_is_drawn_where_the_official_one_is_absent(tmp_path, caplog):
    source = owners_folder_2017(tmp_path / "source", ("Training", "Test_v2"))
    write_picture(source / "ISIC-2017_Validation_Data/ISIC_0000020.jpg", 1, (12, 16, 3))  # without masks
    datalist = prepared("isic2017", source, tmp_path / "out")
    assert numbers(datalist["test"]) == list(PARTS["Test_v2"])
    assert numbers(datalist["training"] + datalist["validation"]) == list(PARTS["Training"])
    assert datalist["validation"]
    assert not datalist["unlabeled"]
    assert "no ISIC-2017_Validation_Data can be used: the validation is drawn and is not the challenge's" in caplog.text
    assert "ISIC-2017_Validation_Data is left out: there is no ISIC-2017_Validation_Part1_GroundTruth" in caplog.text


@pytest.mark.parametrize(
    ("classes", "second"), [(None, "melanoma"), ("melanoma", "melanoma"), ("seborrheic_keratosis", "other")]
)
def test_diagnoses(tmp_path, classes, second):
    source = owners_folder_2017(tmp_path / "source")
    datalist = prepared("isic2017", source, tmp_path / "out", task="classification", classes=classes)
    by_image = {Path(item["image"]).stem: item for item in datalist["training"]}
    assert by_image["ISIC_0000001"]["class"] == second
    assert "label" not in by_image["ISIC_0000001"]
    assert len(datalist["classes"]) == (3 if classes is None else 2)


def test_masks_with_diagnoses(tmp_path):
    source = owners_folder_2017(tmp_path / "source", ("Training",))
    datalist = prepared("isic2017", source, tmp_path / "out", classes="diagnosis")
    assert datalist["classes"] == ["melanoma", "nevus", "seborrheic_keratosis"]
    assert all("label" in item for item in datalist["test"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("melanoma,seb", "mel,seb", r"Expected columns image_id, melanoma.*found no \['melanoma'\]"),
        ("ISIC_0000001,1.0,0.0", "ISIC_0000001,1.0,1.0", "one diagnosis at most"),
        ("ISIC_0000001,1.0,0.0", "ISIC_0000001,yes,0.0", "Expected 0 or 1"),
        ("ISIC_0000001,1.0,0.0", "ISIC_0000001,1.0,0.0\nisic_0000001.jpg,0.0,0.0", "one diagnosis at most of an image"),
        ("ISIC_0000001,1.0,0.0", "ISIC_0009999,1.0,0.0", "found 2 without: isic_0000001, isic_0009999"),
        ("ISIC_0000001,1.0,0.0", "ISIC_0000001", "Expected 0 or 1"),
    ],
)
def test_tables_that_disagree(tmp_path, old, new, message):
    source = owners_folder_2017(tmp_path / "source", ("Training",))
    table = source / "ISIC-2017_Training_Part3_GroundTruth.csv"
    table.write_text(table.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        prepared("isic2017", source, tmp_path / "out", task="classification")
    assert not (tmp_path / "out").exists()


def test_unknown_options_and_layout(tmp_path):
    with pytest.raises(ValueError, match="classes out of .*'mel'"):
        prepared("isic2017", tmp_path, tmp_path.parent / "out17", classes="mel")
    with pytest.raises(FileNotFoundError, match=r"\{ISIC2018_Task1-2_Training_Input, .* or \{images, masks\}"):
        prepared("isic2018", tmp_path, tmp_path.parent / "out18")


def test_2018_with_its_parent_folders(tmp_path):
    for part, found in (("Training", range(5)), ("Validation", range(5, 7)), ("Test", range(7, 10))):
        images, masks = f"ISIC2018_Task1-2_{part}_Input", f"ISIC2018_Task1_{part}_GroundTruth"
        write_lesions(tmp_path / "source" / images / images, tmp_path / "source" / masks / masks, found)
        (tmp_path / "source" / images / images / "LICENSE.txt").write_text("CC")
    datalist = prepared("isic2018", tmp_path / "source", tmp_path / "out")
    assert [numbers(datalist[split]) for split in ("training", "validation", "test")] == [
        [0, 1, 2, 3, 4], [5, 6], [7, 8, 9],
    ]  # fmt: skip


def test_real_images(realdata, tmp_path):
    datalist = prepared("isic2018", realdata("isic"), tmp_path / "out")
    assert len(datalist["training"]) + len(datalist["validation"]) + len(datalist["test"]) == 240
    assert all("label" in item for item in datalist["test"])

import logging

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.datasets import prepare_dataset

HEADER = "||   Name || Histological Diagnosis ||   Clinical Diagnosis || Asymmetry || Colors ||"
LEGEND = "\nLegends:\n|| Asymmetry || 0 - Fully symmetric || 1 || 2 ||\n Clinical Diagnosis: 0 - Common Nevus\n"


def write_table(root, codes):
    rows = [
        f"|| {name} ||                      ||          {code} ||      0     ||   1  2   ||" for name, code in codes
    ]
    (root / "PH2_dataset.txt").write_bytes("\r\n".join([HEADER, *rows, LEGEND]).encode("latin-1") + b"\xb0\r\n")


def owners_folder(root, images="PH2 Dataset images"):
    """A miniature of the unpacked archive: numbers with gaps, masks of 1 or 8 bits, masks of colours, the legend."""
    names = [f"IMD{3 * number:03d}" for number in range(1, 10)]
    random = np.random.default_rng(0)
    for number, name in enumerate(names):
        case = root / images / name
        for part in ("Dermoscopic_Image", "lesion", "roi"):
            (case / f"{name}_{part}").mkdir(parents=True)
        size = (12, 16 + number % 2)
        photograph = Image.fromarray(random.integers(0, 256, (*size, 3), np.uint8))
        photograph.save(case / f"{name}_Dermoscopic_Image/{name}.bmp")
        mask = np.zeros(size, bool)
        mask[3:9, 4:10] = True
        lesion = Image.fromarray(mask) if number % 2 else Image.fromarray(mask.astype(np.uint8) * 255)
        lesion.save(case / f"{name}_lesion/{name}_lesion.bmp")
        lesion.save(case / f"{name}_roi/{name}_R1_Label4.bmp")
    write_table(root, [(name, number % 3) for number, name in enumerate(names)])
    (root / "PH2_dataset.xlsx").write_bytes(b"PK")
    return root / images


def prepare(tmp_path, **options):
    return load_datalist(prepare_dataset("ph2", tmp_path / "source", tmp_path / "out", {"size": 16, **options}))


def items(datalist):
    return sorted(datalist["training"] + datalist["validation"] + datalist["test"], key=lambda item: item["image"])


@pytest.mark.parametrize("images", ["PH2 Dataset images", "PH2_Dataset_images"])
def test_images_masks_and_diagnoses(tmp_path, images, caplog):
    owners_folder(tmp_path / "source/PH2Dataset", images)
    with caplog.at_level(logging.WARNING):
        datalist = prepare(tmp_path, classes="diagnosis")
    assert datalist["classes"] == ["common_nevus", "atypical_nevus", "melanoma"]
    found = items(datalist)
    assert [item["class"] for item in found] == ["common_nevus", "atypical_nevus", "melanoma"] * 3
    assert all(np.asarray(Image.open(item["label"])).max() == 1 for item in found)
    assert len(found) == 9
    assert "the owner's archive has (80, 80, 40) images by diagnosis, this folder (3, 3, 3)" in caplog.text


def test_without_classes_and_for_classification(tmp_path):
    owners_folder(tmp_path / "source")
    assert prepare(tmp_path)["classes"] == ["all"]
    datalist = prepare(tmp_path, task="classification", classes="melanoma")
    assert datalist["classes"] == ["nevus", "melanoma"]
    assert not any("label" in item for item in items(datalist))


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([("IMD003", 3)], r"a diagnosis 0, 1 or 2 in .*txt, got \['IMD003', '', '3'"),
        ([("IMD003", "X")], "a diagnosis 0, 1 or 2"),
        ([("IMD003", "0 || 1")], "Expected each image once, 5 fields"),
        ([("IMD003", 0), ("IMD003", 1)], "Expected each image once"),
        ([("IMD003", 0)], "found 8 without: imd006, imd009"),
        ([(f"IMD{3 * number:03d}", 0) for number in range(1, 11)], "found 1 without: imd030"),
    ],
)
def test_tables_that_disagree(tmp_path, codes, message):
    owners_folder(tmp_path / "source")
    write_table(tmp_path / "source", codes)
    with pytest.raises(ValueError, match=message):
        prepare(tmp_path)
    assert not (tmp_path / "out").exists()


def test_other_forms(tmp_path):
    images = owners_folder(tmp_path / "source")
    (images / "IMD003/IMD003_lesion/IMD003_lesion.bmp").unlink()
    with pytest.raises(ValueError, match="Expected a mask NAME_lesion.bmp .* none for 1: imd003"):
        prepare(tmp_path)
    (tmp_path / "source/PH2_dataset.txt").write_text("IMD003,0\n")
    with pytest.raises(ValueError, match=r"Expected a header with Name and Clinical Diagnosis.* got 'IMD003,0'"):
        prepare(tmp_path)
    (tmp_path / "source/PH2_dataset.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"Expected \{PH2_dataset.txt, PH2 Dataset images\}"):
        prepare(tmp_path)
    with pytest.raises(ValueError, match="got 'segmentation' and 'colours'"):
        prepare(tmp_path, classes="colours")

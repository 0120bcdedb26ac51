"""CBIS-DDSM in TCIA's layout, with the awkward cases of the real collection."""

import logging

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.datasets import prepare_dataset, registry
from ssgnet_monai.data.datasets.cbis_ddsm import read
from tests.dicom_files import UID, write

HEADER = {
    "mass": "patient_id,breast_density,left or right breast,image view,abnormality id,abnormality type,mass shape,"
    "mass margins,assessment,pathology,subtlety,image file path,cropped image file path,ROI mask file path",
    "calc": "patient_id,breast density,left or right breast,image view,abnormality id,abnormality type,calc type,"
    "calc distribution,assessment,pathology,subtlety,image file path,cropped image file path,ROI mask file path",
}
SHAPE = (60, 40)


@pytest.fixture(autouse=True)
def _this_adapter_alone(monkeypatch):
    monkeypatch.setattr(registry, "MODULES", ("cbis_ddsm",))


def film(seed):
    return np.random.default_rng(seed).integers(1000, 60000, SHAPE).astype(np.uint16)


def outline(rows, columns, shape=SHAPE):
    mask = np.zeros(shape, np.uint8)
    mask[rows, columns] = 255
    return mask


class Collection:
    """Writes views and lesions, and at the end the tables with their CRLF, quotes and embedded line feeds."""

    def __init__(self, root):
        self.root, self.images, self.rows = root, root / "manifest-1/CBIS-DDSM", {}

    def view(self, name, seed=0, **elements):
        pixels = film(seed)
        write(self.images / name / f"{UID}.7" / f"{UID}.8" / "1-1.dcm", pixels, **elements)
        return pixels

    def lesion(self, name, number, pathology, mask, crop_first=True, patient=None):
        """Mask and crop in one series folder, or (calcifications) the other way round."""
        crop = film(number)[:8, :9]
        folder = self.images / f"{name}_{number}" / f"{UID}.7" / f"{UID}.9"
        for file, pixels in zip(("1-1.dcm", "1-2.dcm"), (crop, mask) if crop_first else (mask, crop), strict=True):
            write(folder / file, pixels)
        self.row(name, number, pathology, patient)

    def row(self, name, number, pathology, patient=None):
        kind, side = name.split("_")[0].lower().split("-")
        patient = patient or "_".join(name.split("_")[1:3])
        lesion = f"{name}_{number}/{UID}.7/{UID}.9"
        paths = [f"{name}/{UID}.7/{UID}.8/000000.dcm", f"{lesion}/000000.dcm", f"{lesion}/000001.dcm"]
        paths[2 if kind == "mass" else 1] = f'"{paths[2 if kind == "mass" else 1]}\n"'
        cells = [patient, "3", "LEFT", "CC", str(number), kind, "OVAL", "N/A", "4", pathology, "0", *paths]
        self.rows.setdefault((kind, side), []).append(",".join(cells))

    def tables(self):
        for kind in ("mass", "calc"):
            for side in ("train", "test"):
                rows = self.rows.get((kind, "training" if side == "train" else side), [])
                text = "\r\n".join([HEADER[kind], *rows, ""])
                path = self.root / f"{kind}_case_description_{side}_set.csv"
                path.write_bytes(text.encode())


def collection(root):
    """Seven patients; one is in the training of calcifications and in the test of masses."""
    made = Collection(root)
    for patient in range(1, 5):
        name = f"Mass-Training_P_0000{patient}_LEFT_CC"
        made.view(name, patient, PhotometricInterpretation="MONOCHROME1" if patient == 2 else "MONOCHROME2")
        made.lesion(name, 1, "MALIGNANT" if patient % 2 else "BENIGN", outline(slice(10, 20), slice(10, 14)))
    made.lesion("Mass-Training_P_00002_LEFT_CC", 2, "MALIGNANT", outline(slice(50, 60), slice(30, 40)))
    for patient in (5, 6, 7):
        name = f"Calc-Training_P_0000{patient}_RIGHT_MLO"
        made.view(name, patient)
        made.lesion(name, 1, "BENIGN_WITHOUT_CALLBACK", outline(slice(0, 4), slice(0, 4)), crop_first=False)
    for kind, patient in (("Mass", 7), ("Calc", 8)):
        name = f"{kind}-Test_P_0000{patient}_LEFT_CC"
        made.view(name, 10 + patient)
        made.lesion(name, 1, "MALIGNANT", outline(slice(10, 20), slice(10, 14)))
    return made


def by_stem(sources):
    return {image.stem: image for image in sources}


def test_prepared_from_the_owners_folder_patients_of_all_tables_keep_together(tmp_path, caplog):
    collection(tmp_path / "source").tables()

    datalist = load_datalist(prepare_dataset("cbis_ddsm", tmp_path / "source", tmp_path / "out", {"size": 16}))

    sides = [side for side in ("training", "validation", "test") if datalist[side]]
    assert sum(len(datalist[side]) for side in sides) == 10
    patients = [{item["group"] for item in datalist[side]} for side in sides]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 8
    assert datalist["classes"] == ["benign", "malignant"]
    assert datalist["group_source"] == "patient_id of the tables"
    assert "patients are split anew" in caplog.text
    assert UID not in (tmp_path / "out/datalist.json").read_text() + (tmp_path / "out/prepare.json").read_text()
    assert UID not in caplog.text


def test_one_kind_keeps_its_official_test(tmp_path):
    collection(tmp_path / "source").tables()
    sources = read(tmp_path / "source", tmp_path / "staging", kind="mass")
    assert {image.group for image in sources if image.split == "test"} == {"P_00007"}
    assert {image.split for image in sources if image.group != "P_00007"} == {None}


def test_a_lesion_is_cut_out_with_its_margin_and_every_mask_in_it(tmp_path):
    made = Collection(tmp_path / "source")
    name = "Mass-Training_P_00001_LEFT_CC"
    pixels = made.view(name, PhotometricInterpretation="MONOCHROME1")
    made.lesion(name, 1, "BENIGN", outline(slice(20, 28), slice(10, 14)))
    made.lesion(name, 2, "MALIGNANT", outline(slice(22, 24), slice(13, 16)), crop_first=False)
    made.tables()

    sources = by_stem(read(tmp_path / "source", tmp_path / "staging"))

    first = sources[f"{name}_1"]  # rows 20-27, columns 10-13: a square of 8 + 2 x 2 about (24, 12)
    with Image.open(first.image) as image:
        np.testing.assert_array_equal(image, 65535 - pixels[18:30, 6:18])
    with Image.open(first.mask) as mask:
        expected = outline(slice(20, 28), slice(10, 14)) | outline(slice(22, 24), slice(13, 16))
        np.testing.assert_array_equal(mask, expected[18:30, 6:18])
    assert [sources[f"{name}_{number}"].class_name for number in (1, 2)] == ["benign", "malignant"]
    assert first.group == "P_00001"


def test_the_whole_mammogram_has_all_masks_and_is_malignant_if_any_lesion_is(tmp_path):
    made = Collection(tmp_path / "source")
    name = "Calc-Test_P_00353_LEFT_CC"
    made.view(name)
    made.lesion(name, 1, "BENIGN", outline(slice(0, 10), slice(0, 10)))
    made.lesion(name, 2, "MALIGNANT", outline(slice(50, 60), slice(30, 40)))
    made.lesion(name, 3, "BENIGN_WITHOUT_CALLBACK", outline(slice(80, 90), slice(20, 40), (121, 80)))  # 2 x as large
    made.tables()

    (whole,) = read(tmp_path / "source", tmp_path / "staging", crop=False, max_side=30)

    assert (whole.stem, whole.class_name) == (name, "malignant")
    with Image.open(whole.mask) as mask:
        values = np.asarray(mask) > 0
    assert values.shape == (30, 20)
    assert values[2, 2]
    assert values[27, 17]
    assert values[21, 7]
    assert not values[10, 10]


@pytest.mark.parametrize(
    ("masks", "reason"),
    [
        ([outline(slice(1, 5), slice(1, 5), (60, 60))], "its mask has 60x60 pixels and its image 40x60"),
        ([film(3)], "0 of its 1 files are masks"),
        ([outline(slice(1, 5), slice(1, 5)), outline(slice(6, 9), slice(1, 5))], "2 of its 2 files are masks"),
    ],
)
def test_a_lesion_without_a_usable_mask_is_left_out_and_told(tmp_path, caplog, masks, reason):
    made = Collection(tmp_path / "source")
    for patient in (1, 2):
        name = f"Mass-Training_P_0000{patient}_LEFT_CC"
        made.view(name)
        made.lesion(name, 1, "BENIGN", outline(slice(10, 20), slice(10, 14)))
    folder = made.images / f"{name}_1" / f"{UID}.7" / f"{UID}.9"
    for path in sorted(folder.iterdir()):
        path.unlink()
    for number, mask in enumerate(masks):
        write(folder / f"1-{number}.dcm", mask)
    made.tables()

    sources = read(tmp_path / "source", tmp_path / "staging")

    assert [image.group for image in sources] == ["P_00001"]
    assert f"{name}_1 is left out: {reason}" in caplog.text


def test_a_part_of_the_collection_is_enough(tmp_path, caplog):
    made = collection(tmp_path / "source")
    made.row("Mass-Training_P_00009_LEFT_CC", 1, "BENIGN")
    made.tables()
    assert len(read(tmp_path / "source", tmp_path / "staging")) == 10
    assert (
        "1 of 10 mammograms are left out, as their folder or one of a lesion is absent: Mass-Training_P_00009_LEFT_CC"
        in caplog.text
    )


def test_a_second_run_derives_nothing_again(tmp_path, caplog):
    collection(tmp_path / "source").tables()
    first = read(tmp_path / "source", tmp_path / "staging")
    times = [image.image.stat().st_mtime_ns for image in first]
    caplog.set_level(logging.INFO)
    again = read(tmp_path / "source", tmp_path / "staging")
    assert again == first
    assert [image.image.stat().st_mtime_ns for image in again] == times


def test_other_copies_and_tables_are_refused(tmp_path):
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv/dicom_info.csv").write_text("file_path\n")
    with pytest.raises(ValueError, match="found Kaggle's copy"):
        read(tmp_path, tmp_path / "staging")
    (tmp_path / "csv/dicom_info.csv").unlink()
    with pytest.raises(FileNotFoundError, match="Expected mass_case_description_train_set.csv"):
        read(tmp_path, tmp_path / "staging")
    made = Collection(tmp_path)
    made.row("Mass-Training_P_00001_LEFT_CC", 1, "BENIGN")
    made.tables()
    with pytest.raises(FileNotFoundError, match="such as Mass-Training_P_00001_LEFT_CC, found none"):
        read(tmp_path, tmp_path / "staging")
    made.row("Mass-Training_P_00001_LEFT_CC", 1, "UNSURE")
    made.tables()
    with pytest.raises(ValueError, match="got .* and 'UNSURE' in"):
        read(tmp_path, tmp_path / "staging")
    (tmp_path / "mass_case_description_train_set.csv").write_text("patient_id,side,od_img_path\n")
    with pytest.raises(ValueError, match="found no .'pathology'.* among"):
        read(tmp_path, tmp_path / "staging")
    with pytest.raises(ValueError, match="Expected kind out of"):
        read(tmp_path, tmp_path / "staging", kind="cyst")

"""A user's folder of DICOM images: what is written tells nothing of the patient, and belongs together as it should."""

import json
import logging
import re
import warnings

import numpy as np
import pydicom
import pytest
from PIL import Image

from ssgnet_monai.cli import main
from ssgnet_monai.data import load_datalist, prepare_folder
from tests.dicom_files import PATIENT, UID, item, write, write_series
from tests.volume_files import ct, oblique
from tests.volume_files import write as write_nifti

SHAPE = (9, 13)
SECRETS = (*PATIENT.values(), "Doe", "Jane", UID)


def pixels(seed, dtype=np.uint16, shape=SHAPE):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype)


def films(folder, number=6, patients=3, **elements):
    """Pictures in the folder of each patient, with the names that archives and departments give."""
    for index in range(number):
        patient = index % patients
        name = f"{UID}.{index}" if index % 2 else f"Doe^Jane {index}.DCM"
        write(folder / f"Doe Jane {patient}" / name, pixels(index), PatientID=f"HOSP-4711-{patient}", **elements)
    return folder


def prepared(folder, out, masks=None, **options):
    return load_datalist(prepare_folder(folder, masks, out, **{"size": None, "name": "toy", "workers": 2, **options}))


def everything(datalist):
    return [item for split in ("training", "validation", "test", "unlabeled") for item in datalist[split]]


def assert_silent(out, log=""):
    """No secret in a name or in the bytes of a written file, nor in the log."""
    written = sorted(path for path in out.rglob("*") if path.is_file())
    assert written
    for path in written:
        for secret in SECRETS:
            assert secret not in str(path.relative_to(out))
            assert secret.encode() not in path.read_bytes(), path
    assert not [secret for secret in SECRETS if secret in log]


def test_nothing_of_the_patient_is_written_or_logged(tmp_path, caplog):
    films(tmp_path / "in")
    with caplog.at_level(logging.DEBUG):
        datalist = prepared(tmp_path / "in", tmp_path / "out")
    assert_silent(tmp_path / "out", caplog.text)
    assert "no pictures" not in caplog.text  # files without extension are found by their first bytes
    items = everything(datalist)
    assert len(items) == 6
    assert all(re.fullmatch(r"[0-9a-f]{16}\.png", entry["image"].rpartition("/")[2]) for entry in items)
    stored = {np.asarray(Image.open(entry["image"])).tobytes(): entry["group"] for entry in items}
    groups = [{stored[pixels(index).tobytes()] for index in (patient, patient + 3)} for patient in range(3)]
    assert sorted(map(list, groups)) == [["patient0001"], ["patient0002"], ["patient0003"]]
    assert datalist["group_source"] == "DICOM patients"
    assert [len(datalist[split]) for split in ("training", "validation", "test")] == [2, 2, 2]


def test_other_names_and_a_second_run_give_the_same_datalist(tmp_path):
    films(tmp_path / "in")
    prepared(tmp_path / "in", tmp_path / "out")
    first = (tmp_path / "out" / "datalist.json").read_bytes()
    staged = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.png")}
    prepared(tmp_path / "in", tmp_path / "out")
    assert staged == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.png")}
    (tmp_path / "in").rename(tmp_path / "other")
    for index, path in enumerate(sorted((tmp_path / "other").rglob("*"), reverse=True)):
        if path.is_file():
            path.rename(path.parent / f"IM{index % 2:04d}")  # the same names in each patient's folder
    prepared(tmp_path / "other", tmp_path / "again")
    for out in ("out", "again"):
        assert (tmp_path / out / "datalist.json").read_bytes() == first


def test_odd_identifiers_are_compared_without_a_word(tmp_path, caplog):
    """Pydicom warns of too long numbers and of UIDs that are none, and quotes them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for patient in range(3):
            odd = {"PatientID": f"Doe^Jane {patient}" * 9, "SeriesInstanceUID": f"Doe.Jane.{patient}"}
            write_series(tmp_path / "in" / str(patient), ct(patient), oblique(), **odd)
    caplog.clear()
    with warnings.catch_warnings(record=True) as warned:
        items = everything(prepared(tmp_path / "in", tmp_path / "out"))
    assert len({entry["group"] for entry in items}) == 3
    assert_silent(tmp_path / "out", caplog.text + " ".join(str(warning.message) for warning in warned))


def test_files_without_patient_are_their_own_group(tmp_path):
    for index in range(4):
        write(tmp_path / "in" / f"{index}.dcm", pixels(index), PatientID=["", " ", None, ""][index])
    assert len({entry["group"] for entry in everything(prepared(tmp_path / "in", tmp_path / "out"))}) == 4


def test_one_patient_number_for_all_is_told(tmp_path, caplog):
    for index in range(3):
        write(tmp_path / "in" / f"{index}.dcm", pixels(index))
    with pytest.raises(ValueError, match="at least 3 groups"):
        prepared(tmp_path / "in", tmp_path / "out")
    assert "All 3 DICOM images bear one PatientID" in caplog.text
    assert_silent(tmp_path / "out", caplog.text)
    assert len(everything(prepared(tmp_path / "in", tmp_path / "out", groups="(.*)"))) == 3


def test_masks_classes_and_groups_are_found_by_the_owner_s_names(tmp_path, caplog):
    table = ["stem,class,patient"]
    for index in range(6):
        name = f"Doe_{index}"
        write(tmp_path / "images" / f"{name}.dcm", pixels(index))
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray((pixels(index) > 40000).astype(np.uint8)).save(tmp_path / "masks" / f"{name}_mask.png")
        table.append(f"{name},{'ab'[index % 2]},Jane {index // 2}")
    (tmp_path / "table.csv").write_text("\n".join(table))
    with caplog.at_level(logging.DEBUG):
        datalist = prepared(
            tmp_path / "images", tmp_path / "out", tmp_path / "masks",
            classes=tmp_path / "table.csv", groups=tmp_path / "table.csv",
        )  # fmt: skip
    assert_silent(tmp_path / "out", caplog.text)
    assert datalist["group_source"] == "table.csv"
    groups = {}
    for entry in everything(datalist):
        values = np.asarray(Image.open(entry["image"]))
        index = next(index for index in range(6) if np.array_equal(values, pixels(index)))
        np.testing.assert_array_equal(np.asarray(Image.open(entry["label"])) > 0, values > 40000)
        assert entry["class"] == "ab"[index % 2]
        groups.setdefault(entry["group"], set()).add(index)
    assert sorted(groups) == ["patient0001", "patient0002", "patient0003"]
    assert sorted(map(sorted, groups.values())) == [[0, 1], [2, 3], [4, 5]]

    path = tmp_path / "masks" / "Doe_0_mask.png"
    Image.fromarray(np.eye(4, dtype=np.uint8)).save(path)
    with pytest.raises(ValueError, match=rf"size 13x9 \(width x height\), got 4x4 in {re.escape(str(path))}"):
        prepared(tmp_path / "images", tmp_path / "out", tmp_path / "masks")
    write(path.with_suffix(".dcm"), pixels(0, np.uint8))
    path.unlink()
    with pytest.raises(ValueError, match=r"masks as PNG or TIFF .*, got DICOM masks: Doe_0_mask.dcm"):
        prepared(tmp_path / "images", tmp_path / "out", tmp_path / "masks")
    for path in (tmp_path / "masks").iterdir():
        path.rename(tmp_path / "images" / path.name)
    with pytest.raises(ValueError, match=r"got a DICOM file, where PNG, JPEG, TIFF or BMP is read in .*0_mask\.dcm"):
        prepared(tmp_path / "images", tmp_path / "out", tmp_path / "images")


def test_pictures_with_names_in_their_pixels_need_a_review(tmp_path, capsys):
    films(tmp_path / "in", Modality="US")
    command = ["data", "prepare", "--images", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    assert main(command) != 0
    assert "6 images: Expected a picture without patient data in its pixels" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*command, "--reviewed"]) == 0
    assert len(everything(load_datalist(tmp_path / "out" / "datalist.json"))) == 6


def test_the_frames_of_a_film_are_pictures_of_one_group(tmp_path):
    frames = pixels(9, np.uint8, (3, *SHAPE, 3))
    write(tmp_path / "in" / "film.dcm", frames, frames=3, PatientID=None)
    for index in range(3):
        write(tmp_path / "in" / f"{index}.dcm", pixels(index, np.uint8), PatientID=f"{index}")
    items = everything(prepared(tmp_path / "in", tmp_path / "out"))
    film = sorted((entry for entry in items if "_f0" in entry["image"]), key=lambda entry: entry["image"])
    assert [entry["image"][-10:] for entry in film] == ["_f0001.png", "_f0002.png", "_f0003.png"]
    assert len({entry["group"] for entry in film}) == 1
    assert len({entry["group"] for entry in items}) == 4
    for entry, frame in zip(film, frames, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(entry["image"])), frame)

    (tmp_path / "masks").mkdir()
    Image.fromarray(np.eye(9, 13, dtype=np.uint8)).save(tmp_path / "masks" / "film.png")
    with pytest.raises(ValueError, match=r"mask for each of the 3 frames of .*film\.dcm, got one, .*film\.png"):
        prepared(tmp_path / "in", tmp_path / "out", tmp_path / "masks", unlabeled_ok=True)


def test_the_slices_of_a_series_are_one_volume(tmp_path, caplog):
    for index in range(3):
        voxels = np.roll(ct(), index, axis=0)
        write_series(tmp_path / "in" / f"Doe {index}", voxels, oblique(), PatientID=f"Doe {index}")
        write_nifti(tmp_path / "masks" / f"doe {index}.nii.gz", (voxels > 100).astype(np.uint8), oblique())
    with caplog.at_level(logging.DEBUG):
        datalist = prepared(tmp_path / "in", tmp_path / "out", tmp_path / "masks")
    assert_silent(tmp_path / "out", caplog.text)
    assert sorted({entry["group"] for entry in everything(datalist)}) == ["patient0001", "patient0002", "patient0003"]
    assert len(everything(datalist)) == 3 * ct().shape[2]
    low, high = datalist["voxel_window"]
    assert ct().min() <= low < high <= ct().max()
    for entry in everything(datalist):
        grey = np.asarray(Image.open(entry["image"])).astype(int) + int(ct().min())
        np.testing.assert_array_equal(np.asarray(Image.open(entry["label"])) > 0, grey > 100)

    Image.fromarray(np.eye(3, dtype=np.uint8)).save(tmp_path / "masks" / "0-0.png")
    with pytest.raises(ValueError, match=r"a NIfTI mask for each DICOM series, called like the folder"):
        prepared(tmp_path / "in", tmp_path / "out2", tmp_path / "masks")


def test_two_series_in_a_folder_are_not_mixed(tmp_path):
    write_series(tmp_path / "in" / "a", ct(), oblique())
    for path in write_series(tmp_path / "b", ct(), oblique(), SeriesInstanceUID=f"{UID}.4"):
        path.rename(tmp_path / "in" / "a" / f"b{path.name}")
    with pytest.raises(ValueError, match=r"slices of one series in a folder, found 2 series in .*/in/a\. Give"):
        prepared(tmp_path / "in", tmp_path / "out")
    for path in (tmp_path / "in" / "a").glob("b*"):
        path.unlink()
    write(tmp_path / "in" / "scout.dcm", pixels(0), Modality="CT", ImagePositionPatient=[0, 0, 0])
    with pytest.raises(ValueError, match=r"1 pictures and films such as .*scout\.dcm and 1 series such as .*/in/a\."):
        prepared(tmp_path / "in", tmp_path / "out")


def test_eight_bits_go_with_png_and_sixteen_do_not(tmp_path):
    (tmp_path / "in").mkdir()
    for index in range(3):
        write(tmp_path / "in" / f"{index}.dcm", pixels(index, np.uint8))
        Image.fromarray(pixels(10 + index, np.uint8)).save(tmp_path / "in" / f"p{index}.png")
    datalist = prepared(tmp_path / "in", tmp_path / "out")
    stored = {np.asarray(Image.open(entry["image"])).tobytes() for entry in everything(datalist)}
    assert stored == {pixels(index, np.uint8).tobytes() for index in (0, 1, 2, 10, 11, 12)}
    assert datalist["intensity_window"] == [0, 255]
    assert sum("group" in entry for entry in everything(datalist)) == 3
    write(tmp_path / "in" / "Doe.dcm", pixels(7), BitsStored=12, HighBit=11)
    with pytest.raises(ValueError, match=r"one bit depth, .* and 1 of 16 bits \([0-9a-f]{16}\.png\)"):
        prepared(tmp_path / "in", tmp_path / "out2")


def test_a_palette_of_sixteen_bits_becomes_colour_of_eight(tmp_path):
    palette = {
        f"{colour}PaletteColorLookupTable{part}": value
        for index, colour in enumerate(("Red", "Green", "Blue"))
        for part, value in (
            ("Descriptor", [256, 0, 16]),
            ("Data", (np.arange(256, dtype=np.uint16) * 256 + index).astype("<u2").tobytes()),
        )
    }
    for index in range(3):
        values = pixels(index, np.uint8)
        write(tmp_path / f"{index}.dcm", values, PhotometricInterpretation="PALETTE COLOR", PatientID=None, **palette)
    items = everything(prepared(tmp_path, tmp_path.parent / f"{tmp_path.name}_out"))
    stored = {np.asarray(Image.open(entry["image"])).tobytes() for entry in items}
    assert stored == {pixels(index, np.uint8).tobytes() for index in range(3)}


def test_broken_files_are_named_by_the_path_alone(tmp_path):
    films(tmp_path / "in")
    cut, other = tmp_path / "in" / "cut.dcm", tmp_path / "in" / "other.dcm"
    cut.write_bytes(write(tmp_path / "whole.dcm", pixels(1)).read_bytes()[:-40])
    with pytest.raises(ValueError, match=rf"bytes of pixels, got .* in {re.escape(str(cut))}") as caught:
        prepared(tmp_path / "in", tmp_path / "out")
    message = str(caught.value)
    other.write_bytes(b"\x89PNG")
    (tmp_path / "in" / "gone.dcm").symlink_to(tmp_path / "nowhere")
    with pytest.raises(
        ValueError, match=r"2 of 9 images: .*gone\.dcm.* \| Expected a DICOM file.*other\.dcm"
    ) as caught:
        prepared(tmp_path / "in", tmp_path / "out")
    assert not [secret for secret in SECRETS if secret in message + str(caught.value)]
    other.write_bytes(sorted((tmp_path / "in").rglob("*.DCM"))[0].read_bytes())
    (tmp_path / "in" / "gone.dcm").unlink()
    with pytest.raises(ValueError, match=r"every image once, got the same bytes in .*other\.dcm and .*\.DCM"):
        prepared(tmp_path / "in", tmp_path / "out")


def test_an_enhanced_file_is_a_volume(tmp_path):
    shared = item(
        PlaneOrientationSequence=item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
        PixelMeasuresSequence=item(PixelSpacing=[1, 1], SliceThickness=3),
    )
    places = [item(PlanePositionSequence=item(ImagePositionPatient=[0, 0, 3 * z]))[0] for z in range(2)]
    for index in range(3):
        write(
            tmp_path / "in" / f"{index}.dcm", pixels(index, shape=(2, *SHAPE)), frames=2, Modality="MR",
            PatientID=f"Doe {index}", PerFrameFunctionalGroupsSequence=places, SharedFunctionalGroupsSequence=shared,
        )  # fmt: skip
    datalist = prepared(tmp_path / "in", tmp_path / "out")
    assert len(everything(datalist)) == 6
    assert json.loads((tmp_path / "out" / "prepare.json").read_text())["volumes"]["count"] == 3


def test_windows_and_overlays_are_told_by_the_written_names(tmp_path, caplog):
    films(tmp_path / "in", WindowCenter=5, WindowWidth=0)
    for path in (tmp_path / "in").rglob("*.DCM"):
        stored = pydicom.dcmread(path)
        stored.add_new((0x6000, 0x0010), "US", 3)
        stored.save_as(path)
    prepared(tmp_path / "in", tmp_path / "out")
    assert re.search(
        r"6 of 6 DICOM images have a window that cannot be used, such as [0-9a-f]{16} \(.*Width", caplog.text
    )
    assert re.search(r"3 of 6 DICOM images, such as [0-9a-f]{16}, hold what viewers draw .*overlay planes", caplog.text)
    assert_silent(tmp_path / "out", caplog.text)


@pytest.mark.parametrize("groups", [None, "(.*)"])
def test_images_of_nobody_are_told(tmp_path, groups):
    for index in range(6):
        values = np.random.default_rng(index).integers(0, 255, (12, 16), np.uint8)
        write(tmp_path / "in" / f"{index}.dcm", values, PatientID="" if index < 4 else f"P{index}")
    prepare_folder(tmp_path / "in", None, tmp_path / "out", groups=groups, size=None)
    told = " ".join(json.loads((tmp_path / "out" / "prepare.json").read_text())["warnings"])
    assert ("4 of 6 DICOM images" in told and "bear no PatientID" in told) == (groups is None)

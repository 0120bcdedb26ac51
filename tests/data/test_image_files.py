import logging
import os
import unicodedata

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist, prepare_folder
from ssgnet_monai.data.image_files import find_images, is_dicom, stem_of
from ssgnet_monai.transforms import LoadImageMaskd


def write(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 8), value, np.uint8)).save(path)


def test_spaces_and_accents_from_source_to_tensor(tmp_path):
    names = ["Mädchen links", "no 923 (1)", "患者 7", "día.2.left"]
    for value, name in enumerate(names):
        write(tmp_path / "set one" / "images" / f"{unicodedata.normalize('NFC', name)}.png", value)
        write(tmp_path / "set one" / "masks" / f"{unicodedata.normalize('NFD', name)}_mask.png")
    datalist = load_datalist(prepare_folder(tmp_path / "set one", None, tmp_path / "aus gabe ü", size=8))
    items = [item for split in ("training", "validation", "test") for item in datalist[split]]
    assert {item["image"].rpartition("/")[2] for item in items} == {f"{name}.png" for name in names}
    for item in items:
        loaded = LoadImageMaskd()(item)
        value = names.index(item["image"].rpartition("/")[2].removesuffix(".png"))
        assert loaded["image"][0, 0, 0] == pytest.approx(value / 255)


def test_a_name_that_is_not_utf8_is_refused_before_any_work(tmp_path):
    write(tmp_path / "a.png")
    try:
        os.rename(tmp_path / "a.png", os.fsencode(tmp_path) + b"/M\xe4dchen.png")
    except OSError:
        pytest.skip("this file system allows UTF-8 names only")
    with pytest.raises(ValueError, match=r"names in UTF-8, got 'M\\udce4dchen\.png' in .*Rename it"):
        find_images(tmp_path)


def test_links_to_themselves_end_and_a_dangling_one_is_named(tmp_path):
    write(tmp_path / "images" / "a.png")
    (tmp_path / "images" / "self").symlink_to("self")
    (tmp_path / "images" / "deep" / "er").mkdir(parents=True)
    (tmp_path / "images" / "deep" / "er" / "up").symlink_to("../..", target_is_directory=True)
    assert [path.name for path in find_images(tmp_path / "images")] == ["a.png"]
    (tmp_path / "images" / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "images" / "loop.png").symlink_to("loop.png")
    with pytest.raises(ValueError, match=r"2 of 3 images: .*gone\.png.* \| .*loop\.png"):
        prepare_folder(tmp_path / "images", None, tmp_path / "out")


def test_files_of_other_kinds_are_counted_by_kind(tmp_path, caplog):
    for name in ("a.gif", "b.gif", "c.webp", "README"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ValueError, match=r"among 4 files \(no extension x 1, \.gif x 2, \.webp x 1\).*convert them"):
        find_images(tmp_path)
    write(tmp_path / "d.png")
    with caplog.at_level(logging.INFO, "ssgnet_monai"):
        assert len(find_images(tmp_path)) == 1
    assert "4 files that are no pictures are passed by: no extension x 1, .gif x 2, .webp x 1" in caplog.text


def test_dicom_is_found_by_its_name_or_its_first_bytes(tmp_path):
    for name in ("IM0001", "1.2.840.7", "DICOMDIR", "scan.IMA"):
        (tmp_path / name).write_bytes(bytes(128) + b"DICM")
    (tmp_path / "a.DCM").write_bytes(b"")
    (tmp_path / "notes.7").write_bytes(bytes(128) + b"DICOM"[:3])
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
    found = find_images(tmp_path)
    assert [path.name for path in found] == ["1.2.840.7", "IM0001", "a.DCM", "scan.IMA"]
    assert all(map(is_dicom, found))
    assert [stem_of(path) for path in found] == ["1.2.840.7", "IM0001", "a", "scan.IMA"]

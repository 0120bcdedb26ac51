import logging
import os
import socket
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist, prepare_folder
from ssgnet_monai.data.image_files import find_images, is_dicom, locate_folders, stem_of, survey_folder
from ssgnet_monai.data.items_in_folder import inference_items, picture_items
from ssgnet_monai.data.pair_files import pair_files, refuse_mask_folders
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
    for name in ("a.gif", "b.gif", "c.webp", "README", "table.csv", ".hidden"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(
        ValueError, match=r"among 5 files \(no extension x 1, \.csv x 1, \.gif x 2, \.webp x 1\).*convert them"
    ):
        find_images(tmp_path)
    write(tmp_path / "d.png")
    with caplog.at_level(logging.INFO, "ssgnet_monai"):
        assert len(find_images(tmp_path)) == 1
    assert "are left out, as no pictures that are read: no extension x 1, .gif x 2, .webp x 1. Convert" in caplog.text


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


def pairs(images, masks, **options):
    """Names of each image's masks; masks None: all in one folder."""
    files = [Path("d") / f"{name}.png" for name in images]
    others = files if masks is None else [Path("m") / f"{name}.png" for name in masks]
    found = pair_files(files, others, several_masks=True, **options)
    return {pair.stem: [mask.stem for mask in pair.masks] for pair in found}


@pytest.mark.parametrize(
    ("image", "masks"),
    [
        ("x", ["x"]),
        ("x", ["x_mask"]),
        ("x", ["x_Mask"]),
        ("x", ["x_lesion_mask"]),
        ("x_lesion", ["x_lesion"]),
        ("x_lesion", ["x_lesion_mask"]),
        ("x_mask", ["x_mask_mask"]),
        ("x_lesion_2", ["x_lesion_2_mask"]),
        ("x (3)", ["x (3)_mask", "x (3)_mask_1", "x (3)_mask_2"]),
        ("x", ["x_mask1", "x_mask2"]),
        ("x_anno", ["x_anno_mask_1", "x_anno_mask_2"]),
    ],
)
def test_masks_pair_with_the_longest_name_that_is_an_image(image, masks):
    assert pairs([image, "y"], [*masks, "y_mask"]) == {image: masks, "y": ["y_mask"]}
    if image not in masks:
        assert pairs(sorted([image, "y", *masks, "y_mask"]), None) == {image: masks, "y": ["y_mask"]}


@pytest.mark.parametrize("unlabeled_ok", [False, True])
@pytest.mark.parametrize("orphan", ["z_mask", "z_mask_1", "z_segmentation"])
def test_a_mask_without_its_image_is_never_an_image(orphan, unlabeled_ok):
    for masks in (None, ["y_mask", orphan]):
        images = ["y", "y_mask", orphan] if masks is None else ["y"]
        with pytest.raises(ValueError, match=rf"found 1 of 2 masks without: {orphan}\.png.*Rename or remove"):
            pairs(images, masks, unlabeled_ok=unlabeled_ok)


def test_an_ending_of_the_images_own_names_leaves_them_images():
    names = ["x_lesion", "x_lesion_mask", "z_lesion"]
    assert pairs(names, None, unlabeled_ok=True) == {"x_lesion": ["x_lesion_mask"], "z_lesion": []}
    with pytest.raises(ValueError, match=r"1 of 2 images without: z_lesion\.png"):
        pairs(names, None)


@pytest.mark.parametrize(
    "masks", [["x", "x_mask"], ["x_lesion", "x_mask"], ["x_mask_1", "x_mask1"], ["x_lesion", "x_lesion_mask"]]
)
def test_masks_that_differ_in_more_than_a_number_are_refused_and_numbered_as_told_united(masks):
    with pytest.raises(ValueError, match=r"one mask a stem, found two: .*differ in a number alone.*are united"):
        pairs(["x"], masks)
    assert pairs(["x"], ["x_mask_1", "x_mask_2"]) == {"x": ["x_mask_1", "x_mask_2"]}


def test_masks_among_images_are_refused_where_images_alone_are_wanted():
    files = [Path("d") / name for name in ("x.png", "x_mask.png", "y.png")]
    with pytest.raises(ValueError, match=r"found 1 of 3 files that are masks .*: x_mask\.png\. .*\(--masks\)"):
        pair_files(files, None)
    with pytest.raises(ValueError, match="1 of 3 files that are masks"):
        pair_files(files, [Path("m/x.png"), Path("m/y.png")], unlabeled_ok=True)
    assert [pair.mask for pair in pair_files(files[:1] + files[2:], None)] == [None, None]
    assert pairs(["x", "x_lesion"], ["x_mask", "x_lesion_mask"]) == {"x": ["x_mask"], "x_lesion": ["x_lesion_mask"]}


def test_every_ending_of_jpeg_is_read_and_what_is_not_is_told(tmp_path):
    for name in ("a.jpg", "b.JPEG", "c.jpe", "d.jfif", "e.JFIF"):
        Image.new("RGB", (4, 3)).save(tmp_path / name, format="JPEG")
    for name in ("f.webp", "g.heic", "h.npy", "i", "notes.txt", "table.csv", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"x")
    found, left_out = survey_folder(tmp_path)
    assert [path.name for path in found] == ["a.jpg", "b.JPEG", "c.jpe", "d.jfif", "e.JFIF"]
    assert [stem_of(path) for path in found] == list("abcde")
    assert "4 files" in left_out
    assert "no extension x 1, .heic x 1, .npy x 1, .webp x 1. Convert" in left_out


def test_pipes_and_sockets_under_a_pictures_name_are_left_out(tmp_path):
    write(tmp_path / "a.png")
    os.mkfifo(tmp_path / "b.png")
    (tmp_path / "c.png").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "d.png"))
        found, left_out = survey_folder(tmp_path)
    assert [path.name for path in found] == ["a.png"]
    assert "3 files" in left_out
    assert "pipe, socket or device x 3" in left_out
    prepare = [sys.executable, "-m", "ssgnet_monai.cli", "data", "prepare", "--images", tmp_path, "--out"]
    for name in "efg":
        write(tmp_path / f"{name}.png", ord(name))
    subprocess.run([*prepare, tmp_path.with_name("out"), "--size", "8"], check=True, timeout=60)


@pytest.mark.parametrize("ending", ["_seg", "-mask", " mask_1", "_GT", "_label", "_masks"])
def test_other_endings_of_masks_are_known_too(tmp_path, ending):
    for index in range(3):
        write(tmp_path / f"x{index}.png", 100)
        write(tmp_path / f"x{index}{ending}.png")
    files = find_images(tmp_path)
    assert [(pair.image.name, pair.mask.name) for pair in pair_files(files, files)] == [
        (f"x{index}.png", f"x{index}{ending}.png") for index in range(3)
    ]
    with pytest.raises(ValueError, match="3 of 6 files that are masks of others by their names"):
        pair_files(files, None)


@pytest.mark.parametrize("name", ["mask_x{}", "x{}mask"])
def test_masks_that_cannot_be_told_from_images_are_never_unlabelled_images(tmp_path, name):
    for index in range(3):
        write(tmp_path / f"x{index}.png", 100)
        write(tmp_path / f"{name.format(index)}.png")
    files = find_images(tmp_path)
    with pytest.raises(
        ValueError, match=r"Expected masks among the 6 images, found no name .*Rename the masks, or move"
    ):
        pair_files(files, files, unlabeled_ok=True)


@pytest.mark.parametrize("layout", ["bowl", "radiography"])
def test_folders_of_masks_further_down_are_no_images_and_the_advice_works(tmp_path, layout):
    for index in range(6):
        case = tmp_path / "in" / (f"case{index}" if layout == "bowl" else "ab"[index % 2])
        write(case / "images" / f"x{index}.png", 10 * index)
        names = ("p", "q") if layout == "bowl" else (f"x{index}",)
        for name in names:
            write(case / "masks" / f"{name if layout == 'radiography' else name + str(index)}.png")
    masks = sorted((tmp_path / "in").rglob("masks/*.png"))
    for call in (
        lambda: prepare_folder(tmp_path / "in", None, tmp_path / "out"),
        lambda: inference_items(tmp_path / "in"),
        lambda: picture_items(tmp_path / "in"),
    ):
        with pytest.raises(
            ValueError, match=rf"found {len(masks)} of {6 + len(masks)} files in folders called 'masks'"
        ):
            call()
    numbers = {}
    for path in masks:
        image = next((path.parent.parent / "images").glob(f"*{path.stem[-1]}.png"))
        numbers[image] = numbers.get(image, 0) + 1
        path.rename(path.with_name(f"{image.stem}_mask_{numbers[image]}.png"))
    datalist = load_datalist(prepare_folder(tmp_path / "in", tmp_path / "in", tmp_path / "out"))
    items = [item for split in ("training", "validation", "test") for item in datalist[split]]
    assert len(items) == 6
    assert all("label" in item for item in items)


def test_a_class_may_be_called_mask(tmp_path):
    for index in range(8):
        write(tmp_path / "in" / "faces" / ("masks" if index % 2 else "none") / f"{index}.png", 10 * index)
    files = find_images(tmp_path / "in")
    assert len(files) == 8
    refuse_mask_folders(files, tmp_path / "in" / "faces")


def test_folders_of_nnunet_and_of_labels_are_found(tmp_path):
    for name in ("imagesTr/a_0000.png", "imagesTs/t_0000.png", "labelsTr/a.png"):
        write(tmp_path / "Dataset001_Heart" / name)
    root = tmp_path / "Dataset001_Heart"
    assert locate_folders(root, None) == (root / "imagesTr", root / "labelsTr")
    write(tmp_path / "yolo" / "images" / "a.png")
    (tmp_path / "yolo" / "labels").mkdir()
    (tmp_path / "yolo" / "labels" / "a.txt").write_text("0 0.5 0.5 0.1 0.1")
    assert locate_folders(tmp_path / "yolo", None) == (tmp_path / "yolo" / "images", None)
    write(tmp_path / "yolo" / "labels" / "a.png")
    assert locate_folders(tmp_path / "yolo", None)[1] == tmp_path / "yolo" / "labels"

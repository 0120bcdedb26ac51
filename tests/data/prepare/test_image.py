"""Images and masks as viewers show them, and several masks of one image."""

import json

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist, prepare_folder
from ssgnet_monai.data.image_io import write_mask_png
from ssgnet_monai.data.orientation import ORIENTATION, turn_back
from ssgnet_monai.data.splits import SPLIT_NAMES
from ssgnet_monai.transforms import LoadImageMaskd

SHAPE = (32, 48)


def upright(index):
    """A picture that is bright where its mask is."""
    mask = np.zeros(SHAPE, bool)
    mask[4:16, 6 : 24 + index] = True
    return np.where(mask, 250, 30).astype(np.uint8), mask


def save(path, values, orientation, tag=True):
    """Store pixels so that a viewer shows ``values``; without ``tag`` it cannot know."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"exif": exif} if tag else {}
    Image.fromarray(turn_back(values, orientation)).save(path, **options)


def prepared(root):
    datalist = load_datalist(prepare_folder(root, None, root.with_name("out"), size=None))
    items = [item for split in SPLIT_NAMES for item in datalist[split]]
    return items, json.loads((root.with_name("out") / "prepare.json").read_text())["warnings"]


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_image_and_mask_are_turned_by_their_own_tags_and_loaded_alike(tmp_path, orientation, ending):
    for index in range(4):
        values, mask = upright(index)
        save(tmp_path / "in" / "images" / f"i{index}.{ending}", values, orientation)
        save(tmp_path / "in" / "masks" / f"i{index}.png", mask * np.uint8(255), (1, orientation, 6, 3)[index])
    items, _ = prepared(tmp_path / "in")
    for item in items:
        index = int(item["image"][-5])
        values, mask = upright(index)
        stored = np.asarray(Image.open(item["image"])).astype(int)
        assert np.abs(stored - values).mean() < 3
        np.testing.assert_array_equal(np.asarray(Image.open(item["label"])) > 0, mask)
        source = {"image": str(tmp_path / "in" / "images" / f"i{index}.{ending}")}
        source["label"] = str(tmp_path / "in" / "masks" / f"i{index}.png")
        load = LoadImageMaskd(num_channels=1)
        one, other = load(item), load(source)
        for key in ("image", "label"):
            np.testing.assert_array_equal(one[key].numpy(), other[key].numpy())
        assert list(other["image"].meta["spatial_shape"]) == list(SHAPE)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_mask_without_the_images_tag(tmp_path, orientation):
    """Its size tells whether it was drawn on the stored pixels; where it cannot, a warning says so."""
    for index in range(4):
        values, mask = upright(index)
        save(tmp_path / "in" / "images" / f"i{index}.png", values, orientation)
        save(tmp_path / "in" / "masks" / f"i{index}.png", mask, orientation if orientation >= 5 else 1, tag=False)
    items, warnings = prepared(tmp_path / "in")
    for item in items:
        values, mask = upright(int(item["image"][-5]))
        np.testing.assert_array_equal(np.asarray(Image.open(item["image"])), values)
        np.testing.assert_array_equal(np.asarray(Image.open(item["label"])) > 0, mask)
    told = [text for text in warnings if "have not the same orientation tag" in text]
    assert len(told) == (orientation < 5)


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_tag_of_the_mask_alone_is_told_or_named(tmp_path, orientation):
    for index in range(4):
        values, mask = upright(index)
        save(tmp_path / "in" / "images" / f"i{index}.png", values, 1)
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(mask.astype(np.uint8) * 255).save(_made(tmp_path / "in" / "masks" / f"i{index}.png"), exif=exif)
    if orientation == 6:
        with pytest.raises(ValueError, match=r"image's orientation tag is 1, the mask's 6 \(1: none\): save both"):
            prepared(tmp_path / "in")
    else:
        assert "4 images and their masks have not the same orientation tag" in " ".join(prepared(tmp_path / "in")[1])


def _made(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_several_masks_of_one_image_are_united_and_told(tmp_path):
    for index in range(5):
        values, mask = upright(index)
        save(tmp_path / "flat" / f"benign ({index}).png", values, 1)
        write_mask_png(tmp_path / "flat" / f"benign ({index})_mask.png", mask)
    second, third = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    second[20:30, 2:9] = third[25:32, 30:40] = True
    write_mask_png(tmp_path / "flat" / "benign (3)_mask_1.png", second)
    save(tmp_path / "flat" / "benign (3)_mask_2.png", third, 3)
    for unlabeled_ok in (False, True):
        path = prepare_folder(
            tmp_path / "flat", tmp_path / "flat", tmp_path / "out", size=None, unlabeled_ok=unlabeled_ok
        )
        datalist = load_datalist(path)
        assert [len(datalist[split]) for split in (*SPLIT_NAMES, "unlabeled")] == [3, 1, 1, 0]
        with Image.open(tmp_path / "out" / "masks" / "benign (3).png") as mask:
            np.testing.assert_array_equal(np.asarray(mask) > 0, upright(3)[1] | second | third)
        *_, warning = json.loads((tmp_path / "out" / "prepare.json").read_text())["warnings"]
        assert "1 images have several masks, which were united: benign (3).png (benign (3)_mask.png, benign" in warning
    write_mask_png(tmp_path / "flat" / "benign (3)_mask_1.png", second & False)  # a changed mask is read again
    prepare_folder(tmp_path / "flat", tmp_path / "flat", tmp_path / "out", size=None)
    with Image.open(tmp_path / "out" / "masks" / "benign (3).png") as mask:
        np.testing.assert_array_equal(np.asarray(mask) > 0, upright(3)[1] | third)


def test_files_left_out_are_in_the_record(tmp_path):
    for index in range(6):
        save(tmp_path / "in" / f"i{index}.{'jfif' if index % 2 else 'jpe'}", upright(index)[0], 1)
        (tmp_path / "in" / f"j{index}.webp").write_bytes(b"RIFF")
    prepare_folder(tmp_path / "in", None, tmp_path / "out", size=None)
    *_, warning = json.loads((tmp_path / "out" / "prepare.json").read_text())["warnings"]
    assert warning.startswith("6 files of in are left out")
    assert ".webp x 6" in warning

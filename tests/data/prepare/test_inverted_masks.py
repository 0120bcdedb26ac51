"""Which of two mask values is foreground: refused where it is not plain, and what the message advises is right."""

import json
import logging

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist, prepare_folder
from ssgnet_monai.data.splits import SPLIT_NAMES

SHAPE = (20, 24)


def lesion(index):
    mask = np.zeros(SHAPE, bool)
    mask[4:12, 5 : 12 + index] = True
    return mask


def make(root, picture_of, number=6):
    for index in range(number):
        for folder in ("images", "masks"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(index).integers(0, 256, (*SHAPE, 3), np.uint8)
        Image.fromarray(noise).save(root / "images" / f"i{index}.png")
        picture_of(lesion(index)).save(root / "masks" / f"i{index}.png")


def written(root, **options):
    datalist = load_datalist(prepare_folder(root, None, root.with_name("out"), size=None, **options))
    items = [item for split in SPLIT_NAMES for item in datalist[split]]
    return {int(item["image"][-5]): np.asarray(Image.open(item["label"])) > 0 for item in items}


def inverted(mask):
    return Image.fromarray(np.where(mask, 0, 255).astype(np.uint8))


def inverted_with_an_empty_one(mask):
    return Image.new("L", SHAPE[::-1], 255) if mask.sum() == lesion(2).sum() else inverted(mask)


def red_on_white(mask):
    return Image.fromarray(np.where(mask[..., None], (200, 0, 0), (255, 255, 255)).astype(np.uint8))


def indexed(*colours):
    def picture(mask):
        image = Image.fromarray(mask.astype(np.uint8), "L").convert("P")
        image.putpalette(np.ravel(colours).tolist())
        return image

    return picture


@pytest.mark.parametrize(
    ("picture_of", "message"),
    [
        (inverted, r"in 6 of 6 masks .* along the border of the picture, such as i0, i1"),
        (inverted_with_an_empty_one, r"in 6 of 6 masks"),
        (red_on_white, "two colours #c80000 and #ffffff"),
        (indexed((255, 255, 255), (0, 0, 0)), "index 0 is #ffffff and index 1 black"),
    ],
)
def test_two_readings_are_refused_and_the_advice_leads_to_the_lesions(tmp_path, picture_of, message):
    make(tmp_path / "in", picture_of)
    with pytest.raises(ValueError, match=message) as error:
        written(tmp_path / "in")
    assert "--mask-foreground dark; in an experiment prepare.mask_foreground=dark" in str(error.value)
    assert not (tmp_path / "out" / "datalist.json").exists()
    for index, mask in written(tmp_path / "in", mask_foreground="dark").items():
        empty = picture_of is inverted_with_an_empty_one and index == 2
        np.testing.assert_array_equal(mask, lesion(index) & (not empty))


def test_an_object_that_reaches_around_is_kept_on_request(tmp_path):
    make(tmp_path / "in", inverted)
    for index, mask in written(tmp_path / "in", mask_foreground="bright").items():
        np.testing.assert_array_equal(mask, ~lesion(index))
    found = json.loads((tmp_path / "out" / "prepare.json").read_text())
    assert found["masks"]["encodings"] == {"0/255": 6}


def test_index_0_is_the_background_whatever_its_colour(tmp_path):
    make(tmp_path / "in", indexed((255, 255, 255), (200, 0, 0)))
    for index, mask in written(tmp_path / "in").items():
        np.testing.assert_array_equal(mask, lesion(index))


def test_masks_that_are_all_empty_are_a_warning(tmp_path, caplog):
    make(tmp_path / "in", lambda mask: Image.fromarray(mask & False))
    with caplog.at_level(logging.WARNING):
        written(tmp_path / "in")
    (warning,) = json.loads((tmp_path / "out" / "prepare.json").read_text())["warnings"]
    assert warning.startswith("None of the 6 masks has any foreground")
    assert warning in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mask_foreground": "white"}, "mask_foreground bright or dark, .* got 'white'"),
        ({"mask_foreground": "dark", "mask_threshold": 3}, "no mask_threshold beside it, got 'dark' and .* 3"),
    ],
)
def test_options_that_contradict_are_refused(tmp_path, options, message):
    make(tmp_path / "in", inverted)
    with pytest.raises(ValueError, match=message):
        written(tmp_path / "in", **options)


def test_a_choice_without_masks_is_refused(tmp_path):
    make(tmp_path / "in", inverted)
    with pytest.raises(ValueError, match="mask pictures for mask_foreground dark, got images without masks"):
        prepare_folder(tmp_path / "in" / "images", None, tmp_path / "out", mask_foreground="dark")


def test_a_few_inverted_masks_are_named(tmp_path):
    def picture(mask):
        return inverted(mask) if mask.sum() == lesion(2).sum() else Image.fromarray(mask)

    make(tmp_path / "in", picture)
    written(tmp_path / "in")
    (told,) = (text for text in warnings(tmp_path / "out") if "border" in text)
    assert told.startswith("The foreground of 1 of 6 masks lies all along the border")
    assert "masks/i2.png" in told


def warnings(out):
    return json.loads((out / "prepare.json").read_text())["warnings"]

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.image_files import SourceImage
from ssgnet_monai.data.prepare.contrast import equalise_contrast
from ssgnet_monai.data.prepare.mask_cleaning import clean_mask
from ssgnet_monai.data.prepare.preparation import preparation_of
from ssgnet_monai.data.prepare.write_dataset import write_dataset

OWN_SIZE = preparation_of({"size": None})


def sources(folder, names):
    folder.mkdir()
    for index, name in enumerate(names):
        Image.fromarray(np.random.default_rng(index).integers(0, 256, (6, 8), np.uint8)).save(folder / f"{name}.png")
    return [SourceImage(name, folder / f"{name}.png", None, "ba"[i % 2], f"g{i}") for i, name in enumerate(names)]


def test_class_order_is_that_of_the_labels(tmp_path):
    images = sources(tmp_path / "in", "stuvwx")
    datalist = load_datalist(
        write_dataset(images, tmp_path / "out", preparation_of({"size": None, "class_order": ("b", "a", "c")}))
    )
    assert datalist["classes"] == ["b", "a"]
    assert datalist["split_fractions"] == "official"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "big"}, "Expected a size of one or two sides of at least 1 pixel, got 'big'"),
        ({"size": [8, 0]}, r"Expected a size of .* got \[8, 0\]"),
        ({"split": "foo"}, "Expected three shares .* got 'foo'"),
        ({"split": 3}, "Expected three shares .* got 3"),
    ],
)
def test_size_and_split_are_checked_before_anything_is_written(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        write_dataset(sources(tmp_path / "in", "st"), tmp_path / "out", preparation_of(options))
    assert not (tmp_path / "out").exists()


def test_a_name_is_taken_once(tmp_path):
    images = sources(tmp_path / "in", "st")
    twin = SourceImage("S", images[1].image, None)
    with pytest.raises(ValueError, match=r"Expected every name once, got S for .*s\.png and .*t\.png"):
        write_dataset([*images, twin], tmp_path / "out", OWN_SIZE)
    assert not (tmp_path / "out").exists()


def test_identical_images_of_an_official_split_are_told(tmp_path, caplog):
    images = sources(tmp_path / "in", "stuv")
    Image.open(images[0].image).save(images[3].image)
    official = ["training", "training", "validation", "test"]
    official_sources = [
        SourceImage(image.stem, image.image, None, "a", None, side)
        for image, side in zip(images, official, strict=True)
    ]
    write_dataset(official_sources, tmp_path / "out", OWN_SIZE)
    assert "copies lie in different splits" in caplog.text
    assert "The official split has images of 1 groups" in caplog.text


def test_identical_images_of_two_classes_are_told(tmp_path, caplog):
    images = sources(tmp_path / "in", "stuvwx")
    Image.open(images[0].image).save(images[2].image)  # of the same class
    write_dataset(images, tmp_path / "out", OWN_SIZE)
    assert "in two classes" not in caplog.text
    Image.open(images[0].image).save(images[1].image)
    write_dataset(images, tmp_path / "out", OWN_SIZE)
    assert "1 images lie in two classes pixel by pixel, such as images/s.png and images/t.png" in caplog.text


def test_clahe_and_clean_masks_are_written_and_made_anew_when_they_change(tmp_path, caplog):
    images = sources(tmp_path / "in", "stuvwx")
    mask = np.zeros((6, 8), np.uint8)
    mask[0, 0] = mask[2:5, 2:7] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    pairs = [replace(image, mask=tmp_path / "mask.png") for image in images]
    write_dataset(pairs, tmp_path / "out", OWN_SIZE)
    plain = np.asarray(Image.open(tmp_path / "out/images/s.png"))
    path = write_dataset(pairs, tmp_path / "out", preparation_of({"size": None, "clahe": True, "clean_masks": 1}))
    assert load_datalist(path)["clahe"] is True
    assert "EqualiseContrastd" in caplog.text
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out/images/s.png")), equalise_contrast(plain))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out/masks/s.png")) > 0, clean_mask(mask > 0, 1))
    write_dataset(pairs, tmp_path / "out", OWN_SIZE)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out/images/s.png")), plain)

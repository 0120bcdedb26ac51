import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data.image_io import binarise_mask, grey_mask, upright, upright_size

SHAPE = np.array([[0, 1, 1], [0, 0, 1]], bool)


def layered(colour, alpha, mode="RGBA"):
    channels = 3 if mode == "RGBA" else 1
    colours = np.broadcast_to(np.asarray(colour, np.uint8), (*SHAPE.shape, channels))
    return Image.fromarray(np.dstack([colours, np.asarray(alpha, np.uint8)]), mode)


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (layered(0, SHAPE * 255), SHAPE),
        (layered((255, 255, 255), SHAPE * 255), SHAPE),
        (layered((200, 0, 0), SHAPE * 90), SHAPE),  # a translucent overlay
        (layered(255, SHAPE * 255, "LA"), SHAPE),
        (layered((255, 255, 255), SHAPE * 0), SHAPE & False),  # nothing was drawn
        (layered((255, 255, 255), np.full(SHAPE.shape, 255)), SHAPE | True),
    ],
)
def test_masks_in_the_alpha_channel_alone(picture, expected):
    np.testing.assert_array_equal(binarise_mask(grey_mask(picture))[0], expected)


def test_a_palette_whose_background_is_transparent_white():
    picture = Image.fromarray(SHAPE.astype(np.uint8), "L").convert("P")
    picture.putpalette([255, 255, 255, 255, 255, 255])
    picture.info["transparency"] = 0
    np.testing.assert_array_equal(binarise_mask(grey_mask(picture))[0], SHAPE)


def test_an_alpha_channel_that_says_nothing_leaves_the_colours():
    colours = np.dstack([SHAPE * np.uint8(255)] * 3 + [np.zeros(SHAPE.shape, np.uint8)])
    np.testing.assert_array_equal(binarise_mask(grey_mask(Image.fromarray(colours)))[0], SHAPE)


def test_three_values_are_refused_in_grey_and_in_colour():
    grey = np.array([[0, 128, 255]], np.uint8)
    with pytest.raises(ValueError, match=r"got \{0, 128, 255\} in m\.png.*export a binary mask"):
        binarise_mask(grey, name="m.png")
    colour = Image.fromarray(np.array([[[0, 0, 0], [255, 0, 0], [0, 255, 0]]], np.uint8))
    with pytest.raises(ValueError, match=r"two values, got 3 colours in m\.png\. Export one class"):
        grey_mask(colour, "m.png")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_upright_size_is_known_from_the_header(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("L", (6, 4)).save(tmp_path / "p.jpg", exif=exif)
    with Image.open(tmp_path / "p.jpg") as picture:
        assert upright_size(picture) == upright(picture).size

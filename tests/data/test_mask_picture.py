import numpy as np
import pytest
from PIL import Image, ImageOps

from ssgnet_monai.data.image_io import binarise_mask
from ssgnet_monai.data.mask_picture import mask_values, read_mask
from tests.picture_files import write_white_is_zero

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
    np.testing.assert_array_equal(binarise_mask(mask_values(picture))[0], expected)


def test_a_palette_whose_background_is_transparent_white():
    picture = Image.fromarray(SHAPE.astype(np.uint8), "L").convert("P")
    picture.putpalette([255, 255, 255, 255, 255, 255])
    picture.info["transparency"] = 0
    np.testing.assert_array_equal(binarise_mask(mask_values(picture))[0], SHAPE)


def test_an_alpha_channel_that_says_nothing_leaves_the_colours():
    colours = np.dstack([SHAPE * np.uint8(255)] * 3 + [np.zeros(SHAPE.shape, np.uint8)])
    np.testing.assert_array_equal(binarise_mask(mask_values(Image.fromarray(colours)))[0], SHAPE)


def test_three_values_are_refused_in_grey_and_in_colour():
    grey = np.array([[0, 128, 255]], np.uint8)
    with pytest.raises(ValueError, match=r"got \{0, 128, 255\} in m\.png.*export a binary mask"):
        binarise_mask(grey, name="m.png")
    colour = Image.fromarray(np.array([[[0, 0, 0], [255, 0, 0], [0, 255, 0]]], np.uint8))
    with pytest.raises(ValueError, match=r"two values, got 3 colours in m\.png\. Export one class"):
        mask_values(colour, "m.png")


WHITE, BLACK, RED, BLUE = (255, 255, 255), (0, 0, 0), (200, 0, 0), (0, 0, 90)


def indexed(path, indices, colours, **options):
    picture = Image.fromarray(np.asarray(indices, np.uint8), "L").convert("P")
    picture.putpalette(np.ravel(colours).tolist())
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("ending", ["png", "tif", "bmp"])
@pytest.mark.parametrize("colours", [(WHITE, RED), (RED, BLUE), (BLACK, BLUE), (BLACK, BLACK), (WHITE, WHITE)])
def test_index_0_is_the_background_whatever_its_colour(tmp_path, ending, colours):
    mask, encoding = read_mask(indexed(tmp_path / f"m.{ending}", SHAPE, colours))
    np.testing.assert_array_equal(mask, SHAPE)
    assert encoding == "0/1"
    empty, _ = read_mask(indexed(tmp_path / "e.png", SHAPE * 0, colours))
    assert not empty.any()


def test_a_black_index_on_another_colour_has_two_readings_and_the_choice_decides(tmp_path):
    path = indexed(tmp_path / "m.png", SHAPE, (WHITE, BLACK))
    with pytest.raises(ValueError, match=r"index 0 is #ffffff and index 1 black, in .*m\.png.*--mask-foreground"):
        read_mask(path)
    np.testing.assert_array_equal(read_mask(path, foreground="dark")[0], SHAPE)
    np.testing.assert_array_equal(read_mask(path, foreground="bright")[0], ~SHAPE)


def test_more_indices_are_named_and_a_threshold_cuts_them(tmp_path):
    path = indexed(tmp_path / "m.png", [[0, 1, 2], [0, 0, 2]], (WHITE, RED, BLUE))
    with pytest.raises(ValueError, match=r"got \{0, 1, 2\} in .*m\.png.*--mask-threshold 0"):
        read_mask(path)
    np.testing.assert_array_equal(read_mask(path, threshold=0)[0], SHAPE)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (np.where(SHAPE[..., None], RED, WHITE).astype(np.uint8), "two colours #c80000 and #ffffff"),
        (np.where(SHAPE, 100, 200).astype(np.uint8), "two values 100 and 200"),
        (np.where(SHAPE, 200, 255).astype(np.uint8), "two values 200 and 255"),
        (np.where(SHAPE, 1, 2).astype(np.uint16), "two values 1 and 2"),
    ],
)
def test_two_values_without_black_are_refused_until_one_is_chosen(tmp_path, values, found):
    Image.fromarray(values).save(tmp_path / "m.png")
    with pytest.raises(ValueError, match=rf"shown black, got the {found} in .*m\.png.*mask_foreground bright or dark"):
        read_mask(tmp_path / "m.png")
    dark, _ = read_mask(tmp_path / "m.png", foreground="dark")
    np.testing.assert_array_equal(dark, SHAPE)
    bright, _ = read_mask(tmp_path / "m.png", foreground="bright")
    np.testing.assert_array_equal(bright, ~SHAPE)


@pytest.mark.parametrize("background", [0, 255])
def test_a_mask_without_object_is_empty_under_either_choice(tmp_path, background):
    Image.new("L", (5, 4), background).save(tmp_path / "m.png")
    mask, _ = read_mask(tmp_path / "m.png", foreground="dark" if background else "bright")
    assert not mask.any()


def test_smooth_edges_and_video_levels_pass_and_are_cut_in_the_middle(tmp_path):
    soft = np.zeros((20, 20), np.uint8)
    soft[5:15, 5:15] = 255
    soft[5, 5:15], soft[14, 5:15] = 90, 160
    Image.fromarray(soft).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png")[0], soft >= 128)
    Image.fromarray(255 - soft).save(tmp_path / "n.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "n.png", foreground="dark")[0], soft >= 128)
    Image.fromarray(np.where(SHAPE, 235, 16).astype(np.uint8)).save(tmp_path / "v.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "v.png")[0], SHAPE)


@pytest.mark.parametrize(
    ("values", "bits"), [(SHAPE, 1), (SHAPE, 8), (SHAPE * 255, 8), (SHAPE, 16), (SHAPE * 65535, 16)]
)
def test_white_is_zero_is_refused_until_what_viewers_show_is_chosen(tmp_path, values, bits):
    write_white_is_zero(tmp_path / "m.tif", values, bits)
    with pytest.raises(ValueError, match=r"WhiteIsZero TIFF, whose value 0 is shown white, in .*m\.tif"):
        read_mask(tmp_path / "m.tif")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.tif", foreground="dark")[0], SHAPE)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.tif", foreground="bright")[0], ~SHAPE)


def test_one_colour_alone_cannot_be_compared(tmp_path):
    Image.new("RGB", (4, 3), RED).save(tmp_path / "m.png")
    with pytest.raises(ValueError, match=r"two colours for mask_foreground dark, got nothing but #c80000"):
        read_mask(tmp_path / "m.png", foreground="dark")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_is_turned_by_its_own_tag(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(SHAPE.astype(np.uint8)).save(tmp_path / "m.png", exif=exif)
    with Image.open(tmp_path / "m.png") as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture)) > 0
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png")[0], expected)


@pytest.mark.parametrize("picture", ["grey", "indexed"])
def test_classes_beside_a_void_of_255_are_not_cut_away(tmp_path, picture):
    values = np.zeros((20, 20), np.uint8)
    values[5:15, 5:15] = 1
    values[5, 5:15] = 255
    if picture == "grey":
        Image.fromarray(values).save(tmp_path / "m.png")
    else:
        indexed(tmp_path / "m.png", values, [BLACK, RED, *[WHITE] * 254])
    with pytest.raises(ValueError, match=r"got \{0, 1, 255\} in .*m\.png.*--mask-threshold 0"):
        read_mask(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png", threshold=0)[0], values > 0)
    stray = np.where(values > 0, 255, 0).astype(np.uint8)
    stray[0, 0] = 1
    Image.fromarray(stray).save(tmp_path / "n.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "n.png")[0], values > 0)


def test_a_threshold_is_not_advised_where_no_value_is_0(tmp_path):
    Image.fromarray(np.array([[1, 2, 3]], np.uint8)).save(tmp_path / "m.png")
    with pytest.raises(ValueError, match=r"got \{1, 2, 3\} in .*m\.png\. Export a binary mask, whose background is 0"):
        read_mask(tmp_path / "m.png")

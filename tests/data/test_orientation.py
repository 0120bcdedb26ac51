import numpy as np
import pytest
from PIL import Image, ImageOps

from ssgnet_monai.data.image_io import picture_values
from ssgnet_monai.data.open_picture import open_picture
from ssgnet_monai.data.orientation import (
    ORIENTATION,
    orientation_of,
    stored_size,
    turn_back,
    turn_upright,
    upright_size,
)

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)


def save(path, orientation, **options):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(PIXELS).save(path, exif=exif, **options)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("ending", "options"),
    [("png", {}), ("tif", {}), ("tif", {"compression": "tiff_lzw"}), ("webp", {"lossless": True})],
)
def test_pixels_and_sizes_agree_with_pillow_in_every_container(tmp_path, ending, options, orientation):
    path = save(tmp_path / f"p.{ending}", orientation, **options)
    with Image.open(path) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture))
    with Image.open(path) as picture:
        assert (orientation_of(picture), stored_size(picture)) == (orientation, (6, 4))
        assert upright_size(picture) == expected.shape[1::-1]
        picture.load()
        np.testing.assert_array_equal(turn_upright(np.asarray(picture), orientation_of(picture)), expected)
    np.testing.assert_array_equal(turn_upright(PIXELS, orientation), expected)
    np.testing.assert_array_equal(turn_back(expected, orientation), PIXELS)


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_numbers_without_meaning_leave_a_picture_as_it_is(tmp_path, orientation):
    with Image.open(save(tmp_path / "p.jpg", orientation)) as picture:
        assert orientation_of(picture) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_grey_tiff_of_every_orientation_and_depth(tmp_path, kind, compression, orientation):
    shown = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (5, 7), kind)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"compression": compression} if compression else {}
    Image.fromarray(turn_back(shown, orientation)).save(tmp_path / "p.tif", exif=exif, **options)
    with open_picture(tmp_path / "p.tif") as picture:
        assert upright_size(picture) == (7, 5)
        np.testing.assert_array_equal(picture_values(picture), shown)

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data.image_io import picture_values
from ssgnet_monai.data.open_picture import open_picture
from ssgnet_monai.data.orientation import upright_size
from tests.picture_files import write_white_is_zero


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_upright_size_is_known_from_the_header(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("L", (6, 4)).save(tmp_path / "p.jpg", exif=exif)
    with Image.open(tmp_path / "p.jpg") as picture:
        assert upright_size(picture) == picture_values(picture).shape[::-1]


@pytest.mark.parametrize(("bits", "order"), [(1, "<"), (1, ">"), (4, "<"), (8, "<"), (8, ">"), (16, "<")])
def test_white_is_zero_is_shown_white_at_every_depth(tmp_path, bits, order):
    """A ramp that falls as stored rises as shown."""
    highest = 2 ** min(bits, 16) - 1
    stored = np.linspace(highest, 0, 16).round().astype(np.uint16)[None].repeat(4, 0)
    write_white_is_zero(tmp_path / "p.tif", stored, bits, order)
    with open_picture(tmp_path / "p.tif") as picture:
        shown = picture_values(picture).astype(int)
    assert (np.diff(shown[0]) >= 0).all()
    assert shown[0, 0] < shown[0, -1]
    if bits in (8, 16):
        np.testing.assert_array_equal(shown, highest - stored.astype(int))


@pytest.mark.parametrize(("bits", "order"), [(12, "<"), (16, ">")])
def test_white_is_zero_that_pillow_does_not_know_is_named(tmp_path, bits, order):
    write_white_is_zero(tmp_path / "p.tif", np.arange(12, dtype=np.uint16).reshape(2, 6), bits, order)
    with (
        pytest.raises(ValueError, match=rf"TIFF with 1 channel of {bits} bits, WhiteIsZero in .*p\.tif.*as PNG"),
        open_picture(tmp_path / "p.tif"),
    ):
        pass

"""Every kind of file that is no picture of one frame and of moderate size is refused with its name and a remedy."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data.open_picture import open_picture

NOISE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)


def encoded(picture_format, **options):
    stream = io.BytesIO()
    Image.fromarray(NOISE).save(stream, picture_format, **options)
    return stream.getvalue()


def frames(picture_format):
    other = Image.fromarray(255 - NOISE)
    return encoded(picture_format, save_all=True, append_images=[other, Image.fromarray(NOISE // 2)])


def png_header(width, height):
    """A PNG that says how large it is and holds next to nothing."""
    stream = io.BytesIO()
    Image.new("1", (8, 8)).save(stream, "PNG")
    data = bytearray(stream.getvalue())
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def second_tiff_page_without_size():
    data = bytearray(encoded("TIFF"))
    end = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[end : end + 2], "little")
    pointer = end + 2 + 12 * count
    data[pointer : pointer + 4] = len(data).to_bytes(4, "little")
    return bytes(data) + b"\1\0" + b"\0" * 16


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cut.jpg", encoded("JPEG")[:-200], r"readable picture, got OSError \(.*truncated"),
        ("cut.png", encoded("PNG")[:500], r"readable picture, got OSError \(.*truncated"),
        ("cut.tif", encoded("TIFF", compression="tiff_lzw")[:300], "readable picture, got"),
        ("page.tif", second_tiff_page_without_size(), r"readable picture, got OSError \(Missing dimensions\)"),
        ("empty.png", b"", r"readable picture, got an empty file \(0 bytes\)"),
        ("scan.jpg", b"\0" * 128 + b"DICM", r"no known picture format \(the file begins with b'\\x00"),
        ("page.png", b"<!DOCTYPE html>", "the file begins with b'<!DOCTYP'"),
        ("moving.png", frames("GIF"), r"one picture a file, got 3 frames \(animation or pages\)"),
        ("moving.png", frames("PNG"), "one picture a file, got 3 frames"),
        ("pages.tif", frames("TIFF"), "one picture a file, got 3 frames"),
        ("huge.png", png_header(20000, 10000), r"at most 120 megapixels, got 20000x10000 \(200 megapixels\)"),
    ],
)
def test_refusals_name_the_file_and_a_remedy(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as error, open_picture(tmp_path / name) as image:
        image.load()
    assert str(tmp_path / name) in str(error.value)
    assert str(error.value).rstrip().split(". ")[-1].startswith(("Copy it", "Save them", "Scale it"))


def test_content_decides_not_the_extension(tmp_path):
    (tmp_path / "photo.png").write_bytes(encoded("JPEG"))
    with open_picture(tmp_path / "photo.png") as image:
        assert image.format == "JPEG"
        assert np.asarray(image).shape == NOISE.shape


def test_a_photograph_with_previews_counts_as_one_picture(tmp_path):
    (tmp_path / "camera.jpg").write_bytes(frames("MPO"))
    with open_picture(tmp_path / "camera.jpg") as image:
        assert np.abs(np.asarray(image).astype(int) - NOISE).mean() < 60


def test_a_hundred_megapixels_pass_without_a_warning_and_more_when_allowed(tmp_path, recwarn):
    limit = Image.MAX_IMAGE_PIXELS
    for side, most in ((10_000, 120), (20_000, 400)):
        (tmp_path / "large.png").write_bytes(png_header(side, side))
        with open_picture(tmp_path / "large.png", most) as image:
            assert image.size == (side, side)
    assert len(recwarn) == 0
    assert limit == Image.MAX_IMAGE_PIXELS
    with pytest.raises(ValueError, match="raise max_megapixels"), open_picture(tmp_path / "large.png"):
        pass


def test_other_mistakes_are_not_taken_for_broken_files(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    with pytest.raises(TypeError, match="mine"), open_picture(tmp_path / "a.png"):
        raise TypeError("mine")

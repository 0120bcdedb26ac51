"""What Pillow would cut to eight bits, or does not know, is named by what it is."""

import os
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from ssgnet_monai.data.image_io import picture_values
from ssgnet_monai.data.open_picture import open_picture
from ssgnet_monai.data.picture_layout import layout_of


def png(path, depth, colour, channels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(6 * channels * depth // 8) for _ in range(4))
    header = struct.pack(">IIBBBBB", 6, 4, depth, colour, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def read(path):
    with open_picture(path) as picture:
        return picture_values(picture, str(path))


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_png_of_sixteen_bits_and_several_channels_is_refused(tmp_path, colour, channels):
    png(tmp_path / "p.png", 16, colour, channels)
    with pytest.raises(ValueError, match=rf"got a PNG with {channels} channels of 16 bits in .*p\.png.*upper 8 bits"):
        read(tmp_path / "p.png")
    png(tmp_path / "p.png", 8, colour, channels)
    assert read(tmp_path / "p.png").shape[:2] == (4, 6)


@pytest.mark.parametrize(
    ("shape", "kind", "options", "words"),
    [
        ((4, 6, 3), "u2", {"photometric": "rgb"}, "3 channels of 16 bits"),
        ((4, 6, 3), "u2", {"photometric": "rgb", "bigtiff": True}, "3 channels of 16 bits"),
        ((4, 6, 3), "u2", {"photometric": "rgb", "byteorder": ">"}, "3 channels of 16 bits"),
        ((3, 4, 6), "u2", {"photometric": "rgb", "planarconfig": "separate"}, "3 channels of 16 bits"),
        ((4, 6, 4), "u2", {"photometric": "rgb", "extrasamples": [2]}, "4 channels of 16 bits"),
        ((4, 6, 2), "u2", {"photometric": "minisblack", "extrasamples": [2]}, "2 channels of 16 bits"),
        ((4, 6, 5), "u2", {"photometric": "minisblack", "planarconfig": "contig"}, "5 channels of 16 bits"),
        ((4, 6, 5), "u1", {"photometric": "rgb", "planarconfig": "contig"}, "5 channels of 8 bits"),
        ((4, 6), "f4", {}, "1 channel of 32 bits, floating point"),
        ((4, 6), "f8", {}, "1 channel of 64 bits, floating point"),
        ((4, 6), "f2", {}, "1 channel of 16 bits, floating point"),
        ((4, 6), "i2", {"photometric": "miniswhite"}, "1 channel of 16 bits, signed, WhiteIsZero"),
    ],
)
def test_tiff_is_named_as_it_is(tmp_path, shape, kind, options, words):
    tifffile.imwrite(tmp_path / "p.tif", np.ones(shape, kind), **options)
    with pytest.raises(ValueError, match=rf"got a TIFF with {words} in .*p\.tif") as error:
        read(tmp_path / "p.tif")
    assert "Copy it" not in str(error.value)


def test_the_advice_for_deep_colour_keeps_its_contrast(tmp_path):
    colour = np.random.default_rng(0).integers(0, 4096, (4, 6, 3)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "p.tif", colour, photometric="rgb")
    with pytest.raises(ValueError, match="scale the colours of all pictures by one factor"):
        read(tmp_path / "p.tif")
    scaled = (colour * (255 / 4095)).round().astype(np.uint8)
    Image.fromarray(scaled).save(tmp_path / "scaled.png")
    np.testing.assert_array_equal(read(tmp_path / "scaled.png"), scaled)
    Image.fromarray(colour[..., 0]).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read(tmp_path / "grey.png"), colour[..., 0])


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (np.arange(24, dtype=np.uint16).reshape(4, 6) * 2700, {}),
        (np.arange(24, dtype=np.uint16).reshape(4, 6) * 2700, {"bigtiff": True}),
        (np.arange(72, dtype=np.uint8).reshape(4, 6, 3), {"photometric": "rgb", "bigtiff": True}),
        (np.arange(72, dtype=np.uint8).reshape(3, 4, 6), {"photometric": "rgb", "planarconfig": "separate"}),
    ],
)
def test_grey_of_sixteen_bits_bigtiff_and_planar_colour_are_read(tmp_path, values, options):
    tifffile.imwrite(tmp_path / "p.tif", values, **options)
    planes = options.get("planarconfig") == "separate"
    np.testing.assert_array_equal(read(tmp_path / "p.tif"), np.moveaxis(values, 0, -1) if planes else values)


def test_cmyk_one_bit_and_palette_pictures_are_read(tmp_path):
    colour = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    Image.fromarray(colour).convert("CMYK").save(tmp_path / "cmyk.tif")
    np.testing.assert_array_equal(read(tmp_path / "cmyk.tif"), colour)
    Image.fromarray(colour[..., 0] > 127).save(tmp_path / "bit.png")
    np.testing.assert_array_equal(read(tmp_path / "bit.png"), (colour[..., 0] > 127) * np.uint8(255))
    few = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6), "L").convert("P")
    few.putpalette(np.arange(72, dtype=np.uint8).tolist())
    few.save(tmp_path / "few.png")
    np.testing.assert_array_equal(read(tmp_path / "few.png"), np.arange(72).reshape(4, 6, 3))


def test_other_formats_have_no_layout_and_a_pipe_is_not_opened(tmp_path):
    Image.new("L", (3, 2)).save(tmp_path / "p.jpg")
    (tmp_path / "cut.tif").write_bytes(b"II*\0\xff\0\0\0")
    assert [layout_of(tmp_path / name) for name in ("p.jpg", "cut.tif", "absent.png")] == [None] * 3
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ValueError, match=r"got a folder, pipe, socket or device at .*pipe\.png"):
        read(tmp_path / "pipe.png")


def test_eight_signed_bits_are_refused_where_a_value_is_negative(tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", np.array([[-100, 3], [0, 127]], np.int8))
    with pytest.raises(ValueError, match=r"values from 0 on, got -100 in the 8 signed bits of .*s\.tif.*plus 128"):
        read(tmp_path / "s.tif")
    tifffile.imwrite(tmp_path / "s.tif", np.array([[1, 3], [0, 127]], np.int8))
    np.testing.assert_array_equal(read(tmp_path / "s.tif"), [[1, 3], [0, 127]])

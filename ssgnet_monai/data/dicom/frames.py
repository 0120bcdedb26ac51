"""The stored pixels of a DICOM file, frame by frame: decompressed, without unused bits, colour as RGB."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator

import numpy as np
import pydicom
from PIL import Image
from pydicom import encaps
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from ssgnet_monai.data.dicom.header import PIXEL_DATA, PIXEL_TAGS, DicomError, DicomHeader, readable
from ssgnet_monai.data.open_picture import UNREADABLE

OLD = pydicom.__version__ < "3"
if OLD:
    from pydicom.pixel_data_handlers import apply_color_lut, convert_color_space
    from pydicom.pixel_data_handlers.util import get_expected_length
else:
    from pydicom.pixels import apply_color_lut, convert_color_space
    from pydicom.pixels.utils import get_expected_length

ITEM, ITEM_END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
NO_DECODER = re.compile(r"missing (required )?dependencies|does not support")


def stored_frames(header: DicomHeader) -> Iterator[np.ndarray]:
    """Decode one frame after the other.

    Args:
        header: of the file.

    Yields:
        Grey frames as (rows, columns) int32 of the stored values, colour as (rows, columns, 3) uint8 or uint16 RGB.

    Raises:
        DicomError: truncated or damaged pixel data, an unknown transfer syntax or colour space, a missing decoder.
    """
    with readable(header.path, "pixel data"):
        for data in _encapsulated(header) if header.length is None else _native(header):
            yield _pixels(header, _single(header, data))


def _single(header: DicomHeader, data: bytes) -> Dataset:
    """A dataset of one frame: both generations of pydicom decode that alike, and hold no more than it in memory."""
    one = Dataset()
    for keyword in PIXEL_TAGS:
        if keyword in header.data and keyword != "NumberOfFrames":
            one[keyword] = header.data[keyword]
    one.file_meta = header.data.file_meta
    one.add_new(PIXEL_DATA, header.vr, data)
    return one


def _native(header: DicomHeader) -> Iterator[bytes]:
    size = get_expected_length(_single(header, b""))
    available = min(header.length or 0, header.path.stat().st_size - header.offset)
    if available < size * header.frames:
        raise DicomError(
            f"Expected {size * header.frames} bytes of pixels, got {max(available, 0)} in {header.path}. "
            "It is truncated: copy it from its source again, or remove it."
        )
    _check_end(header, size * header.frames)
    with open(header.path, "rb") as file:
        for index in range(header.frames):
            file.seek(header.offset + index * size)
            yield file.read(size) + bytes(size % 2)


def _items_length(header: DicomHeader, data: bytes) -> int:
    """Bytes of the items of compressed pixels, with their delimiter; one that was cut off is found by its decoder."""
    order = "<" if header.data.file_meta.TransferSyntaxUID.is_little_endian else ">"
    place = 0
    while place + 8 <= len(data):
        group, element, length = struct.unpack(f"{order}HHI", data[place : place + 8])
        if (group, element) == ITEM_END:
            return place + 8
        if (group, element) != ITEM:
            raise DicomError(
                f"Expected compressed pixels in items of DICOM, got something else among them in {header.path}. It is "
                "damaged: copy it from its source again, or remove it."
            )
        place += 8 + length
    return len(data)


def _check_end(header: DicomHeader, size: int) -> None:
    """Bytes that were put into the pixels move the last ones behind them, where only further elements may follow."""
    length = size if header.length is None else header.length
    with open(header.path, "rb") as file:
        file.seek(header.offset + length)
        head = file.read(8)
    order = "<" if header.data.file_meta.TransferSyntaxUID.is_little_endian else ">"
    tag = struct.unpack(f"{order}HH", head[:4]) if len(head) == 8 else PIXEL_DATA
    if length > size + size % 2 or (head.strip(b"\0") and not tag > PIXEL_DATA):
        raise DicomError(
            f"Expected {size} bytes of pixels and then the end of the file, got more in {header.path}. Bytes were put "
            "into it: copy it from its source again, or remove it."
        )


def _encapsulated(header: DicomHeader) -> Iterator[bytes]:
    with open(header.path, "rb") as file:
        file.seek(header.offset)
        data = file.read()
    _check_end(header, _items_length(header, data))
    if OLD:
        frames = encaps.generate_pixel_data_frame(data, header.frames)
    else:
        frames = encaps.generate_frames(data, number_of_frames=header.frames)
    number = 0
    for number, frame in enumerate(frames, start=1):
        _check_size(header, frame)
        yield encaps.encapsulate([frame])
        if number == header.frames:
            return
    raise DicomError(
        f"Expected {header.frames} frames, got {number} in {header.path}. "
        "It is truncated: copy it from its source again, or remove it."
    )


def _check_size(header: DicomHeader, frame: bytes) -> None:
    """A compressed picture may be far larger than the header says, and would be decoded before anybody notices."""
    try:
        with Image.open(io.BytesIO(frame)) as image:
            size = image.size
    except (Image.DecompressionBombError, *UNREADABLE):  # JPEG-LS and others that Pillow does not know
        return
    if size != (header.columns, header.rows):
        raise DicomError(
            f"Expected compressed frames of {header.columns}x{header.rows} pixels, got {size[0]}x{size[1]} in "
            f"{header.path}. Copy it from its source again, or remove it."
        )


def _pixels(header: DicomHeader, one: Dataset) -> np.ndarray:
    try:
        pixels = one.pixel_array
    except NotImplementedError:
        raise DicomError(
            f"Expected pixels in a known transfer syntax, got {header.transfer_syntax!r} in {header.path}. "
            "Convert it first (gdcmconv --raw)."
        ) from None
    except (RuntimeError, ImportError) as error:
        if not NO_DECODER.search(str(error)):
            raise
        raise DicomError(
            f"Expected a decoder for {header.transfer_syntax!r}, found none for {header.path}. Install one with "
            'pip install "ssgnet-monai[datasets]", or decompress the files (gdcmconv --raw).'
        ) from None
    # pydicom 3 makes RGB of YBR without saying so; pydicom 2, where it does, says so in the dataset
    if header.samples == 1:
        values = _used_bits(header, pixels)
        return apply_color_lut(values, one)[..., :3] if header.photometric == "PALETTE COLOR" else values
    # Pydicom 3 makes RGB of YBR; pydicom 2's decoders say in the dataset whether they did. All undo JPEG 2000's YBR.
    if OLD and one.PhotometricInterpretation.startswith("YBR_FULL"):
        return convert_color_space(pixels, one.PhotometricInterpretation, "RGB")
    return pixels


def _used_bits(header: DicomHeader, pixels: np.ndarray) -> np.ndarray:
    """The bits between the lowest and the highest used one; the others may hold overlays or anything else."""
    syntax = header.data.file_meta.TransferSyntaxUID
    as_stored = not syntax.is_compressed or syntax == RLELossless
    shift = header.high_bit + 1 - header.bits_stored if as_stored else 0
    values = (pixels.astype(np.int32) >> shift) & ((1 << header.bits_stored) - 1)
    if header.signed:
        values -= (values >> (header.bits_stored - 1)) << header.bits_stored
    return values

"""A DICOM file's header without the patient: only what its pixels need is read, and every refusal is worded here.

Neither messages nor logs repeat values of a header other than those that describe the pixels: pydicom's own errors
quote what they stumble over, which may be a name or a date, and are therefore not chained.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

from ssgnet_monai.data.open_picture import MAX_MEGAPIXELS

PIXEL_TAGS = (
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *(
        f"{colour}PaletteColorLookupTable{part}"
        for colour in ("Red", "Green", "Blue")
        for part in ("Descriptor", "Data")
    ),
    *(f"Segmented{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")),
)
VALUE_TAGS = (
    *("ModalityLUTSequence", "RescaleSlope", "RescaleIntercept"),
    *("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
PLACE_TAGS = ("PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "SliceThickness")
OTHER_TAGS = ("Modality", "BurnedInAnnotation")
REQUIRED = ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored")
OFTEN_LABELLED = frozenset({"US", "SC", "XA", "OT", "ES"})
"""Modalities whose pictures often show the patient's name, unless the header says that they do not."""
PIXEL_DATA = (0x7FE0, 0x0010)
SAMPLES = {
    **dict.fromkeys(("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"), 1),
    **dict.fromkeys(("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT"), 3),
}
UNDEFINED_LENGTH = 0xFFFFFFFF
LONG_FORM = (b"OB", b"OW", b"UN")


class DicomError(ValueError):
    """What was expected of a DICOM file, what came, and what to do."""


@dataclass(frozen=True)
class DicomHeader:
    """What is known of a DICOM file's pixels before they are decoded.

    ``data`` holds the elements that were asked for and nothing else; ``offset`` and ``length`` say where in the file
    the pixel data lies (``length`` is None for encapsulated, that is compressed, data).
    """

    path: Path
    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric: str
    modality: str
    transfer_syntax: str
    data: Dataset = field(repr=False)
    offset: int = field(repr=False)
    length: int | None = field(repr=False)
    vr: str = field(repr=False)

    @property
    def megapixels(self) -> float:
        """Millions of pixels of all frames."""
        return self.rows * self.columns * self.frames / 1e6

    def group(self, name: str, frame: int) -> Dataset:
        """The elements of a functional group for one frame of an enhanced file; otherwise the header's own."""
        for groups, place in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
            items = self.data.get(groups) or []
            if place < len(items) and items[place].get(name):
                return items[place].get(name)[0]
        return self.data

    def identifier(self, keyword: str) -> str:
        """An element for comparing alone, as its bytes stand: pydicom warns of odd values and quotes them."""
        element = self.data.get_item(keyword)
        value = b"" if element is None or element.value is None else element.value
        return (value.decode("latin-1") if isinstance(value, bytes) else str(value)).strip(" \0")


def read_header(
    path: str | Path,
    *,
    reviewed: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
    also: Sequence[str] = (),
) -> DicomHeader:
    """Read and check what describes the pixels of a DICOM file; nothing is decoded.

    Args:
        path: the file.
        reviewed: somebody has looked at the picture and found no name, date or number of a patient in its pixels.
        max_megapixels: most millions of pixels of a frame.
        also: keywords of further elements for ``data``; whoever asks for them keeps them out of names and messages.

    Raises:
        DicomError: not DICOM, no pixels, a damaged header, too many pixels, another depth than 8 to 16 bits, or a
            picture that may show patient data and was not reviewed.
    """
    path = Path(path)
    with readable(path, "header"):
        syntax = read_file_meta_info(path).get("TransferSyntaxUID")
    if not syntax or syntax == DeflatedExplicitVRLittleEndian or syntax.name == str(syntax):
        raise DicomError(
            f"Expected a transfer syntax for images that DICOM knows, got {str(syntax or 'none')[:64]!r} in {path}. "
            "Convert it first (gdcmconv --raw)."
        )
    tags = [*PIXEL_TAGS, *VALUE_TAGS, *PLACE_TAGS, *OTHER_TAGS, *also]
    with readable(path, "header"), open(path, "rb") as file:
        data = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=tags)
        vr, length = _pixel_element(file, "<" if syntax.is_little_endian else ">")
        if not vr:
            raise DicomError(
                f"Expected a DICOM image, got a file without integer pixel data in {path}. Structured reports, plans, "
                "contours, directories and floating-point maps are no images; leave it out."
            )
        header = _header(path, data, file.tell(), None if length == UNDEFINED_LENGTH else length, vr)
    _check(header, reviewed, max_megapixels)
    return header


@contextmanager
def readable(path: Path, part: str) -> Iterator[None]:
    """Turn whatever pydicom and its decoders raise into one message, without the values that theirs may quote."""
    try:
        yield
    except DicomError:
        raise
    except InvalidDicomError:
        raise DicomError(
            f"Expected a DICOM file, got something else in {path} (no 'DICM' after the first 128 bytes). "
            "Remove it, or convert it to DICOM or PNG."
        ) from None
    except Exception as error:  # broken files raise nearly every kind
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DicomError(
            f"Expected a readable DICOM file, got {type(error).__name__} in the {part} of {path}. "
            "Copy it from its source again, or remove it."
        ) from None


def _pixel_element(file: BinaryIO, order: str) -> tuple[str, int]:
    """VR (empty if no data element of integer pixels begins here) and length; leaves the file at the value."""
    head = file.read(8)
    if len(head) < 8 or struct.unpack(f"{order}HH", head[:4]) != PIXEL_DATA:
        return "", 0
    if head[4:6] in LONG_FORM:
        return head[4:6].decode(), struct.unpack(f"{order}I", file.read(4))[0]
    # implicit VR, also where the transfer syntax says otherwise: an even length cannot begin with the letters above
    return "OW", struct.unpack(f"{order}I", head[4:8])[0]


def _header(path: Path, data: Dataset, offset: int, length: int | None, vr: str) -> DicomHeader:
    missing = [keyword for keyword in REQUIRED if data.get(keyword) in (None, "")]
    if missing:
        raise DicomError(
            f"Expected a DICOM image, found no {', '.join(missing)} in the header of {path}. "
            "Copy it from its source again, or remove it."
        )
    stored = int(data.BitsStored)
    return DicomHeader(
        path=path,
        rows=int(data.Rows),
        columns=int(data.Columns),
        frames=int(data.get("NumberOfFrames") or 1),
        samples=int(data.SamplesPerPixel),
        bits_allocated=int(data.BitsAllocated),
        bits_stored=stored,
        high_bit=int(data.get("HighBit", stored - 1)),
        signed=int(data.get("PixelRepresentation") or 0) == 1,
        photometric=str(data.PhotometricInterpretation),
        modality=str(data.get("Modality") or ""),
        transfer_syntax=data.file_meta.TransferSyntaxUID.name,
        data=data,
        offset=offset,
        length=length,
        vr=vr,
    )


def _check(header: DicomHeader, reviewed: bool, max_megapixels: float) -> None:
    path = header.path
    if min(header.rows, header.columns, header.frames) < 1:
        raise DicomError(
            f"Expected at least one row, column and frame, got {header.rows}x{header.columns} in {header.frames} "
            f"frames in {path}. Remove it."
        )
    if header.samples != SAMPLES.get(header.photometric):
        raise DicomError(
            f"Expected one sample a pixel for grey and palette colour, three for RGB and YBR, got {header.samples} for "
            f"{header.photometric!r} in {path}. Convert it first, or remove it."
        )
    depth = header.bits_stored, header.bits_allocated
    if header.bits_allocated not in (8, 16) or not 1 <= header.bits_stored <= header.high_bit + 1 <= depth[1]:
        raise DicomError(
            f"Expected 8 to 16 bits a pixel, got {depth[0]} bits stored up to bit {header.high_bit} in {depth[1]} "
            f"allocated ones in {path}. Convert it first, or remove it."
        )
    megapixels = header.megapixels / header.frames
    if megapixels > max_megapixels:
        raise DicomError(
            f"Expected frames of at most {max_megapixels:g} megapixels, got {header.columns}x{header.rows} "
            f"({megapixels:.0f} megapixels) in {path}. Scale it down, or raise max_megapixels."
        )
    burned = str(header.data.get("BurnedInAnnotation") or "").strip().upper()
    if not reviewed and (burned == "YES" or (burned != "NO" and header.modality in OFTEN_LABELLED)):
        why = "says that the patient's data stand" if burned == "YES" else "does not say that no patient data stand"
        raise DicomError(
            f"Expected a picture without patient data in its pixels, but the header of {path} {why} in the picture "
            f"(BurnedInAnnotation {burned or 'absent'}, modality {header.modality or 'unknown'}). Look at the pictures "
            "and blacken names, dates and numbers in them; then say --reviewed (reviewed=True)."
        )

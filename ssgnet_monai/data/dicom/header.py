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
from typing import Any, BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ssgnet_monai.data.dicom.review import needs_review
from ssgnet_monai.data.image_files import begins_as_dicom
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
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "ModalityLUTSequence", "RescaleSlope", "RescaleIntercept"),
    *("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
PLACE_TAGS = ("PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "SliceThickness")
OTHER_TAGS = ("Modality", "SOPClassUID", "ConversionType", "ImageType", "BurnedInAnnotation")
REQUIRED = ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored")
PIXEL_DATA = (0x7FE0, 0x0010)
OVERLAY_ROWS = tuple(0x60000010 + 0x20000 * plane for plane in range(16))
GRAPHICS = 0x00700001
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
    the pixel data lies (``length`` is None for encapsulated, that is compressed, data). ``drawn`` names what viewers
    draw over the pixels: it may hold texts, and is left out.
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
    drawn: tuple[str, ...]
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
        syntax = _transfer_syntax(path)
    if not syntax or syntax == DeflatedExplicitVRLittleEndian or syntax.name == str(syntax):
        raise DicomError(
            f"Expected a transfer syntax for images that DICOM knows, got {str(syntax or 'none')[:64]!r} in {path}. "
            "Convert it first (gdcmconv --raw)."
        )
    tags: list[Any] = [*PIXEL_TAGS, *VALUE_TAGS, *PLACE_TAGS, *OTHER_TAGS, *OVERLAY_ROWS, GRAPHICS, *also]
    with readable(path, "header"), open(path, "rb") as file:
        data = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=tags, force=True)
        data.file_meta.TransferSyntaxUID = syntax
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
            f"Expected a DICOM file, got something else in {path} (no 'DICM' after the first 128 bytes, no element "
            "of DICOM at its start). Remove it, or convert it to DICOM or PNG (a damaged header: dcmconv, gdcmconv)."
        ) from None
    except Exception as error:  # broken files raise nearly every kind
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DicomError(
            f"Expected a readable DICOM file, got {type(error).__name__} in the {part} of {path}. "
            "Copy it from its source again, or remove it."
        ) from None


def _transfer_syntax(path: Path) -> UID | None:
    """That of the file's own header, or, in files without one, that in which its first element is written."""
    with open(path, "rb") as file:
        head = file.read(132)
    if head[128:] == b"DICM":
        return read_file_meta_info(path).get("TransferSyntaxUID")
    if not begins_as_dicom(head):
        raise InvalidDicomError
    if head[:2] == b"\x02\x00":
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[], force=True).file_meta.get(
            "TransferSyntaxUID"
        )
    return ExplicitVRLittleEndian if head[4:6].isalpha() else ImplicitVRLittleEndian


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
    overlays = sum(data.pop(tag, None) is not None for tag in OVERLAY_ROWS)
    drawn = [f"overlay planes (60xx): {overlays}"] * (overlays > 0)
    drawn += ["graphic annotations (0070,0001)"] * (data.pop(GRAPHICS, None) is not None)
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
        drawn=tuple(drawn),
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
    if header.length is None and not header.data.file_meta.TransferSyntaxUID.is_compressed:
        raise DicomError(
            f"Expected the length of uncompressed pixels, got none, as compressed ones have it, in {path}. If the file "
            "lost its header, write a new one (dcmconv, gdcmconv) from its source."
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
    why = "" if reviewed else needs_review(header.data)
    if why:
        raise DicomError(
            f"Expected a picture without patient data in its pixels, as scanners make them, got {why} in {path}: "
            "names may stand in the picture. Look at the pictures and blacken names, dates and numbers in them; then "
            "say --reviewed (reviewed=True)."
        )

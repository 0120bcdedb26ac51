"""From stored grey values to those that are meant: Modality LUT, then VOI LUT or window, then MONOCHROME1 inverted."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ssgnet_monai.data.dicom.header import DicomError, DicomHeader

WHITE = 65535
WITHOUT_WINDOW = "all values that the file can hold become black to white instead"


class Range(NamedTuple):
    """Lowest and highest value that a file's pixels can have, whatever this picture holds."""

    low: float
    high: float


def native_values(header: DicomHeader, stored: np.ndarray, frame: int = 0) -> np.ndarray:
    """Modality values (HU in CT), bright where the tissue is meant to be bright.

    Args:
        header: of the file.
        stored: (rows, columns) int32 stored values.
        frame: index of the frame.

    Returns:
        (rows, columns), of the smallest integer type that holds all possible values, float32 where there are fractions.

    Source: DICOM PS3.3, C.11.1 (Modality LUT), C.7.6.3.1.2 (photometric interpretation).
    """
    values, limits = _modality(header, stored, frame)
    values = _without_padding(header, stored, values)
    if header.photometric == "MONOCHROME1":
        values = limits.low + limits.high - values
    if values.dtype.kind == "f" and not all(float(limit).is_integer() for limit in limits):
        return values.astype(np.float32)
    return values.astype(np.result_type(*(np.min_scalar_type(int(limit)) for limit in limits)))


def display_values(header: DicomHeader, stored: np.ndarray, frame: int = 0) -> np.ndarray:
    """Grey levels for a screen: the first VOI LUT or usable window, or else all possible values from black to white.

    Args:
        header: of the file.
        stored: (rows, columns) int32 stored values.
        frame: index of the frame.

    Returns:
        (rows, columns) uint16, 0 (black) to 65535 (white).

    Source: DICOM PS3.3, C.11.2 (VOI LUT).
    """
    values, limits = _modality(header, stored, frame)
    values = _without_padding(header, stored, values)
    voi = header.group("FrameVOILUTSequence", frame)
    if voi.get("VOILUTSequence"):
        values, limits = _look_up(header, voi.VOILUTSequence[0], values, limits)
        share = _between(values, limits)
    elif (window := _usable_window(voi)) is not None:
        share = _in_window(values, *window)
    else:
        share = _between(values, limits)
    if header.photometric == "MONOCHROME1":
        share = 1 - share
    return np.rint(share * WHITE).astype(np.uint16)


def _modality(header: DicomHeader, stored: np.ndarray, frame: int) -> tuple[np.ndarray, Range]:
    levels = 1 << header.bits_stored
    lowest = -(levels // 2) if header.signed else 0
    limits = Range(lowest, lowest + levels - 1)
    item = header.group("PixelValueTransformationSequence", frame)
    if item.get("ModalityLUTSequence"):
        return _look_up(header, item.ModalityLUTSequence[0], stored, limits)
    slope, intercept = _number(header, item, "RescaleSlope", 1), _number(header, item, "RescaleIntercept", 0)
    if slope == 0:
        raise DicomError(f"Expected a RescaleSlope other than 0, got 0 in {header.path}. Convert it from its source.")
    low, high = sorted(slope * limit + intercept for limit in limits)
    return stored * slope + intercept, Range(low, high)


def _look_up(header: DicomHeader, item: Dataset, values: np.ndarray, limits: Range) -> tuple[np.ndarray, Range]:
    number, first, bits = (int(part) for part in item.LUTDescriptor)
    number = number or 65536  # which 16 bits cannot say
    if isinstance(item.LUTData, bytes):
        little = header.data.file_meta.TransferSyntaxUID.is_little_endian
        table = np.frombuffer(item.LUTData, "<u2" if little else ">u2")
    else:
        table = np.asarray(item.LUTData, np.int64).reshape(-1) & WHITE
    if len(table) < number or not 8 <= bits <= 16:
        raise DicomError(
            f"Expected a look-up table of {number} entries of 8 to 16 bits, got {len(table)} of {bits} bits in "
            f"{header.path}. Copy it from its source again, or remove it."
        )
    if limits.low < 0 and first > 32767:  # a negative number that was read as a positive one
        first -= 65536
    places = np.clip(np.rint(values).astype(np.int32) - first, 0, number - 1)
    top = (1 << bits) - 1
    return np.minimum(table[places], top).astype(np.int32), Range(0, top)


def unusable_windows(header: DicomHeader) -> str:
    """What is wrong with the windows of a file of which none can be used; nothing where one can, or there is none."""
    if header.samples != 1:
        return ""
    for frame in range(header.frames):
        voi = header.group("FrameVOILUTSequence", frame)
        if not voi.get("VOILUTSequence") and _usable_window(voi) is None:
            centers, widths = _numbers(voi, "WindowCenter"), _numbers(voi, "WindowWidth")
            if centers or widths:
                return f"WindowCenter {centers or 'absent'}, WindowWidth {widths or 'absent'}"
    return ""


def _usable_window(voi: Dataset) -> tuple[float, float, str] | None:
    """(center, width, function) of the first window of numbers and positive width."""
    function = str(voi.get("VOILUTFunction") or "LINEAR")
    for center, width in zip(_numbers(voi, "WindowCenter"), _numbers(voi, "WindowWidth"), strict=False):
        if math.isfinite(center) and math.isfinite(width) and (width >= 1 or (width > 0 and function != "LINEAR")):
            return center, width, function
    return None


def _in_window(values: np.ndarray, center: float, width: float, function: str) -> np.ndarray:
    """The share of white; PS3.3, C.11.2.1.2 and C.11.2.1.3."""
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    distance = values.astype(np.float32) - center
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * distance / width))
    return np.clip(distance / width + 0.5, 0, 1) if width else (distance > 0).astype(np.float32)


def _numbers(item: Dataset, name: str) -> list[float]:
    """All values of an element; NaN for what is no number. Its text is read here: pydicom would warn and quote it."""
    element = item.get_item(name)
    value = None if element is None else element.value
    if isinstance(value, bytes):
        value = value.decode("latin-1").strip(" \0").split("\\")
    numbers = []
    for part in value if isinstance(value, MultiValue | list | tuple) else [value]:
        if part not in (None, ""):
            try:
                numbers.append(float(part))
            except ValueError:
                numbers.append(math.nan)
    return numbers


def padding_range(header: DicomHeader) -> tuple[int, int] | None:
    """Lowest and highest stored value of pixels that are no part of the picture; None: there are none.

    Source: DICOM PS3.3, C.7.5.1.1.2 (pixel padding value and range).
    """
    limits = [header.data.get(name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if limits[0] is None or header.samples != 1:
        return None
    first, last = (_as_stored(header, limits[0] if limit is None else limit) for limit in limits)
    return min(first, last), max(first, last)


def padding_value(header: DicomHeader, frame: int) -> float | None:
    """The native value of padding in a frame that holds nothing else; None: the file has no padding."""
    limits = padding_range(header)
    return None if limits is None else native_values(header, np.full((1, 1), limits[0], np.int32), frame).item()


def _as_stored(header: DicomHeader, value: int | bytes) -> int:
    """A padding value, which some write with the wrong sign, as pixels of the file's bits have it."""
    if isinstance(value, bytes):
        little = header.data.file_meta.TransferSyntaxUID.is_little_endian
        value = int.from_bytes(value[:2], "little" if little else "big")
    number = int(value) & ((1 << header.bits_stored) - 1)
    return number - (1 << header.bits_stored) if header.signed and number >> (header.bits_stored - 1) else number


def _without_padding(header: DicomHeader, stored: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Padding takes the value that is shown darkest of those in the picture; a frame of nothing else stays."""
    limits = padding_range(header)
    if limits is None:
        return values
    padding = (limits[0] <= stored) & (stored <= limits[1])
    if not padding.any() or padding.all():
        return values
    real = values[~padding]
    return np.where(padding, real.max() if header.photometric == "MONOCHROME1" else real.min(), values)


def _between(values: np.ndarray, limits: Range) -> np.ndarray:
    return (values.astype(np.float32) - limits.low) / (limits.high - limits.low)


def _number(header: DicomHeader, item: Dataset, name: str, default: float | None = None) -> float:
    """The first value; a whole number, as integer, where it is one of 16 bits: then pixels stay integers."""
    value = item.get(name)
    if value in (None, "") and default is not None:
        return default
    number = float(value[0] if isinstance(value, MultiValue) else value)
    if not math.isfinite(number):
        raise DicomError(f"Expected a number, got {number} for {name} in {header.path}. Convert it from its source.")
    return int(number) if number.is_integer() and abs(number) <= 32767 else number

"""From stored grey values to those that are meant: Modality LUT, then VOI LUT or window, then MONOCHROME1 inverted."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ssgnet_monai.data.dicom.header import DicomError, DicomHeader

WHITE = 65535


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
    if header.photometric == "MONOCHROME1":
        values = limits.low + limits.high - values
    if values.dtype.kind == "f" and not all(float(limit).is_integer() for limit in limits):
        return values.astype(np.float32)
    return values.astype(np.result_type(*(np.min_scalar_type(int(limit)) for limit in limits)))


def display_values(header: DicomHeader, stored: np.ndarray, frame: int = 0) -> np.ndarray:
    """Grey levels for a screen: the file's first VOI LUT or window, or else all possible values from black to white.

    Args:
        header: of the file.
        stored: (rows, columns) int32 stored values.
        frame: index of the frame.

    Returns:
        (rows, columns) uint16, 0 (black) to 65535 (white).

    Source: DICOM PS3.3, C.11.2 (VOI LUT).
    """
    values, limits = _modality(header, stored, frame)
    voi = header.group("FrameVOILUTSequence", frame)
    if voi.get("VOILUTSequence"):
        values, limits = _look_up(header, voi.VOILUTSequence[0], values, limits)
        share = _between(values, limits)
    elif voi.get("WindowCenter") not in (None, "") and voi.get("WindowWidth") not in (None, ""):
        share = _window(header, voi, values)
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


def _window(header: DicomHeader, voi: Dataset, values: np.ndarray) -> np.ndarray:
    """The share of white; PS3.3, C.11.2.1.2 and C.11.2.1.3."""
    center, width = _number(header, voi, "WindowCenter"), _number(header, voi, "WindowWidth")
    function = str(voi.get("VOILUTFunction") or "LINEAR")
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    if width < 0 or (width == 0 and function != "LINEAR"):
        raise DicomError(f"Expected a window of positive width, got {width:g} in {header.path}. Read native values.")
    distance = values.astype(np.float32) - center
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * distance / width))
    return np.clip(distance / width + 0.5, 0, 1) if width else (distance > 0).astype(np.float32)


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

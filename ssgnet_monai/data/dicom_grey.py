"""From stored grey values to those that are meant: Modality LUT, then VOI LUT or window, then MONOCHROME1 inverted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydicom.dataset import Dataset

from ssgnet_monai.data.dicom_header import DicomError, DicomHeader

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
        values, limits = _look_up(header, voi.VOILUTSequence[0], values)
        share = (values - limits.low) / (limits.high - limits.low)
    elif voi.get("WindowCenter") not in (None, "") and voi.get("WindowWidth") not in (None, ""):
        share = _window(header, voi, values)
    else:
        share = (values - limits.low) / (limits.high - limits.low)
    if header.photometric == "MONOCHROME1":
        share = 1 - share
    return np.rint(share * WHITE).astype(np.uint16)


def _modality(header: DicomHeader, stored: np.ndarray, frame: int) -> tuple[np.ndarray, Range]:
    item = header.group("PixelValueTransformationSequence", frame)
    if item.get("ModalityLUTSequence"):
        return _look_up(header, item.ModalityLUTSequence[0], stored)
    slope, intercept = (
        _number(item, name, default) for name, default in (("RescaleSlope", 1), ("RescaleIntercept", 0))
    )
    if slope == 0:
        raise DicomError(f"Expected a RescaleSlope other than 0, got 0 in {header.path}. Convert it from its source.")
    levels = 1 << header.bits_stored
    lowest = -(levels // 2) if header.signed else 0
    low, high = sorted(slope * end + intercept for end in (lowest, lowest + levels - 1))
    return stored * slope + intercept, Range(low, high)


def _look_up(header: DicomHeader, item: Dataset, values: np.ndarray) -> tuple[np.ndarray, Range]:
    number, first, bits = (int(part) for part in item.LUTDescriptor)
    data = item.LUTData
    if isinstance(data, bytes):
        little = header.data.file_meta.TransferSyntaxUID.is_little_endian
        table = np.frombuffer(data, ("<" if little else ">") + "u2")
    else:
        table = np.asarray(data, np.int64).reshape(-1) & WHITE
    if len(table) < (number or 65536):
        raise DicomError(
            f"Expected a look-up table of {number or 65536} entries, got {len(table)} in {header.path}. "
            "Copy it from its source again, or remove it."
        )
    if header.signed and first > 32767:
        first -= 65536
    places = np.clip(np.rint(values).astype(np.int64) - first, 0, (number or 65536) - 1)
    return table[places].astype(np.int32), Range(0, (1 << bits) - 1)


def _window(header: DicomHeader, voi: Dataset, values: np.ndarray) -> np.ndarray:
    center, width = _number(voi, "WindowCenter"), _number(voi, "WindowWidth")
    function = str(voi.get("VOILUTFunction") or "LINEAR")
    if width < 1 if function == "LINEAR" else width <= 0:
        raise DicomError(f"Expected a window of positive width, got {width:g} in {header.path}. Read native values.")
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * (values - center) / width))
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0, 1)
    if width == 1:
        return (values > center - 0.5).astype(np.float64)
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1)


def _number(item: Dataset, name: str, default: float | None = None) -> float:
    value = item.get(name)
    if value in (None, "") and default is not None:
        return default
    first = value if isinstance(value, str | int | float) or not hasattr(value, "__getitem__") else value[0]
    number = float(first)
    return int(number) if number.is_integer() else number

"""Reading DICOM images: native values or a display's grey levels, without any of the patient's data."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ssgnet_monai.data.dicom.frames import stored_frames
from ssgnet_monai.data.dicom.grey import WITHOUT_WINDOW, display_values, native_values, unusable_windows
from ssgnet_monai.data.dicom.header import DicomError, DicomHeader, read_header, readable
from ssgnet_monai.data.open_picture import MAX_MEGAPIXELS

logger = logging.getLogger(__name__)


def read_dicom(
    path: str | Path,
    *,
    display: bool = False,
    reviewed: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
    also: Sequence[str] = (),
) -> tuple[np.ndarray, DicomHeader]:
    """Read all pixels of a DICOM file.

    Args:
        path: the file.
        display: see ``iter_frames``.
        reviewed: see ``read_header``.
        max_megapixels: most millions of pixels of all frames together.
        also: keywords of further elements for the header's ``data``.

    Returns:
        ((rows, columns) grey or (rows, columns, 3) RGB array, with a first axis of frames where there are several;
        what is known of it).

    Raises:
        DicomError: see ``read_header`` and ``iter_frames``.
    """
    header = read_header(path, reviewed=reviewed, max_megapixels=max_megapixels, also=also)
    if header.megapixels > max_megapixels:
        raise DicomError(
            f"Expected at most {max_megapixels:g} megapixels in all frames, got {header.columns}x{header.rows} in "
            f"{header.frames} frames ({header.megapixels:.0f} megapixels) in {path}. Read it with iter_frames, or "
            "raise max_megapixels."
        )
    frames = list(iter_frames(header, display=display))
    return (frames[0] if header.frames == 1 else np.stack(frames)), header


def iter_frames(header: DicomHeader, *, display: bool = False) -> Iterator[np.ndarray]:
    """Read one frame after the other; no more than one is in memory.

    Args:
        header: from ``read_header``.
        display: False gives the values that the pixels stand for (HU in CT), True the file's own VOI LUT or window as
            uint16 grey levels of 0 to 65535. Both are bright where the tissue is meant to be (MONOCHROME1 is inverted,
            last), and padding is as dark as the darkest pixel of the picture. Colour is RGB either way.

    Yields:
        (rows, columns) grey or (rows, columns, 3) RGB arrays.

    Raises:
        DicomError: truncated or damaged pixels, an unknown transfer syntax or colour space, a missing decoder.
    """
    for index, pixels in enumerate(stored_frames(header)):
        if pixels.ndim == 3:
            yield pixels
            continue
        with readable(header.path, "grey scale"):
            frame = (display_values if display else native_values)(header, pixels, index)
        yield frame


def iter_pictures(header: DicomHeader) -> Iterator[np.ndarray]:
    """Read the frames as a screen shows them, of a depth that PNG files have.

    Args:
        header: from ``read_header``.

    Yields:
        (rows, columns) uint16 grey levels of 0 to 65535, or uint8 where the file stores 8 bits or fewer;
        (rows, columns, 3) uint8 RGB.

    Raises:
        DicomError: see ``iter_frames``.
    """
    for frame in iter_frames(header, display=True):
        if frame.ndim == 2:
            yield frame if header.bits_stored > 8 else np.rint(frame / 257).astype(np.uint8)
        elif frame.dtype == np.uint8:
            yield frame
        else:  # a palette's entries have 16 bits, whatever the pixels have
            yield (frame >> (8 if header.samples == 1 else header.bits_stored - 8)).astype(np.uint8)


def read_picture(path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> np.ndarray:
    """Read a DICOM file of one frame as a picture that is looked at and not kept: nobody need have reviewed it.

    Args:
        path: the file.
        max_megapixels: most millions of pixels.

    Returns:
        See ``iter_pictures``.

    Raises:
        DicomError: several frames, and see ``read_header`` and ``iter_frames``.
    """
    header = read_header(path, reviewed=True, max_megapixels=max_megapixels)
    if header.frames > 1:
        raise DicomError(
            f"Expected a DICOM file of one picture, got {header.frames} frames in {path}. Save them as single files."
        )
    if problem := unusable_windows(header):
        logger.warning("%s: its window cannot be used (%s); %s.", path, problem, WITHOUT_WINDOW)
    return next(iter_pictures(header))

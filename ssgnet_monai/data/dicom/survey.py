"""What the DICOM files of a folder are, before anything is written: pictures, films, or volumes slice by slice."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path

from ssgnet_monai.data.dicom.grey import unusable_windows
from ssgnet_monai.data.dicom.header import DicomError, DicomHeader, read_header, readable
from ssgnet_monai.data.image_files import DICOM_SUFFIX, listed
from ssgnet_monai.data.threads import for_each_pair

DIGITS = 16
CONVERT = "Convert it to one NIfTI volume (dcm2niix)"


@dataclass(frozen=True)
class DicomImage:
    """A picture, a film of several frames, or a volume.

    ``path`` is its owner's file, or the folder of a volume in several ``files``. ``name`` is what it is called in all
    that is written: the first digits of the SHA-256 of its bytes. ``patient`` is for comparing alone.
    ``window`` says what is wrong with its windows, if anything, and ``drawn`` what viewers draw over it.
    """

    path: Path
    files: tuple[Path, ...]
    name: str
    patient: str = field(repr=False)
    frames: int
    is_volume: bool
    window: str = ""
    drawn: tuple[str, ...] = ()


@dataclass(frozen=True)
class _File:
    path: Path
    digest: str
    frames: int
    patient: str = field(repr=False)
    series: str | None = field(repr=False)
    window: str
    drawn: tuple[str, ...]


def survey_dicom(files: Sequence[Path], reviewed: bool, max_megapixels: float, workers: int) -> list[DicomImage]:
    """Tell pictures, films and volumes apart by their headers.

    Slices of one series in one folder, or frames with a place in the patient, are a volume.

    Args:
        files: DICOM files.
        reviewed: see ``read_header``.
        max_megapixels: most millions of pixels of a frame.
        workers: threads.

    Returns:
        Images in the order of their names.

    Raises:
        ValueError: files that ``read_header`` refuses, told together; equal files; several series in a folder; series
            beside single pictures.
    """
    read = partial(_read, reviewed=reviewed, max_megapixels=max_megapixels)
    parts = defaultdict(list)
    for file in for_each_pair(read, files, workers, "reading DICOM headers"):
        parts[file.path if file.series is None else (file.path.parent, file.series, file.patient)].append(file)
    images = sorted((_image(members) for members in parts.values()), key=lambda image: image.name)
    crowded = Counter(image.path for image in images if len(image.files) > 1)
    for path, number in sorted(crowded.items()):
        if number > 1:
            raise DicomError(
                f"Expected the slices of one series in a folder, found {number} series in {path}. Give each a folder "
                "of its own; to use single slices as pictures, save these as PNG."
            )
    volumes, others = ([image.path for image in images if image.is_volume is kind] for kind in (True, False))
    if volumes and others:
        raise DicomError(
            f"Expected either pictures or series of slices, found {len(others)} pictures and films such as {others[0]} "
            f"and {len(volumes)} series such as that in {volumes[0]}. Leave out scouts and reports as pictures, or "
            "prepare them apart."
        )
    for one, other in pairwise(images):
        if one.name == other.name:
            raise DicomError(f"Expected every image once, got the same bytes in {one.path} and {other.path}. Keep one.")
    return images


def check_pictures(files: Sequence[Path]) -> None:
    """Refuse what cannot be looked at picture by picture, or whose result could not be named after its file.

    Args:
        files: DICOM files.

    Raises:
        DicomError: a film, slices of a volume, unreadable headers, names that do not end in ``.dcm``.
    """
    unnamed = [path for path in files if path.suffix.lower() != DICOM_SUFFIX]
    if unnamed:
        raise DicomError(
            f"Expected DICOM files called *{DICOM_SUFFIX}, got {listed(unnamed)} in {unnamed[0].parent}. Results are "
            "named after them; rename them."
        )
    slices: Counter[tuple[Path, str]] = Counter()
    for path in files:
        header = read_header(path, reviewed=True, also=("SeriesInstanceUID",))
        series = _series(header)
        if header.frames > 1:
            advice = "Save them as single files" if series is None else CONVERT
            raise DicomError(f"Expected a DICOM file of one picture, got {header.frames} frames in {path}. {advice}.")
        if series is not None:
            slices[path.parent, series] += 1
    for (folder, _), number in slices.items():
        if number > 1:
            raise DicomError(
                f"Expected single DICOM pictures, got {number} slices of one series in {folder}. {CONVERT}."
            )


def _read(path: Path, reviewed: bool, max_megapixels: float) -> _File:
    try:
        header = read_header(
            path, reviewed=reviewed, max_megapixels=max_megapixels, also=("PatientID", "SeriesInstanceUID")
        )
        with readable(path, "window"):
            window = unusable_windows(header)
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DicomError(f"Expected a readable file, got {error.strerror} for {path}. Copy it again.") from error
    return _File(path, digest, header.frames, header.identifier("PatientID"), _series(header), window, header.drawn)


def _series(header: DicomHeader) -> str | None:
    """The series of a slice that has a place in the patient."""
    with readable(header.path, "place"):
        placed = header.group("PlanePositionSequence", 0).get("ImagePositionPatient")
    return header.identifier("SeriesInstanceUID") if placed and header.samples == 1 else None


def _image(members: Sequence[_File]) -> DicomImage:
    first, frames = members[0], sum(file.frames for file in members)
    digest = first.digest
    if len(members) > 1:
        digest = hashlib.sha256("".join(sorted(file.digest for file in members)).encode()).hexdigest()
    return DicomImage(
        path=first.path if len(members) == 1 else first.path.parent,
        files=tuple(file.path for file in members),
        name=digest[:DIGITS],
        patient=first.patient,
        frames=frames,
        is_volume=first.series is not None and frames > 1,
        window=first.window,
        drawn=next((file.drawn for file in members if file.drawn), ()),
    )

"""A DICOM series of slices as one volume with its place in the patient."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssgnet_monai.data.dicom.dicom_file import iter_frames
from ssgnet_monai.data.dicom.grey import padding_value
from ssgnet_monai.data.dicom.header import DicomError, DicomHeader, read_header, readable
from ssgnet_monai.data.file_tree import files_below
from ssgnet_monai.data.image_files import is_dicom
from ssgnet_monai.data.volumes.volume import MAX_GIGABYTES

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
SAME = 0.01
"""Millimetres, or parts of a direction, below which two places or directions are the same."""
BESIDE = 0.5
"""Pixels by which a slice may lie beside the line of the others."""
UNEVEN = 0.1
"""Share of the slice distance by which one step may differ from the others."""


@dataclass(frozen=True)
class _Slice:
    header: DicomHeader
    frame: int
    position: np.ndarray
    orientation: np.ndarray
    spacing: np.ndarray
    thickness: float
    series: str

    @property
    def normal(self) -> np.ndarray:
        return np.cross(self.orientation[0], self.orientation[1])


def read_series(source: str | Path | Iterable[str | Path], *, reviewed: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Read the slices of one series, sorted by their place along the slices' normal.

    Args:
        source: a folder (it and those below are searched), or files; an enhanced file holds several slices.
        reviewed: see ``read_header``.

    Returns:
        (voxels with axes (column, row, slice) as nibabel has them, in native values (HU in CT), integers where they are
        whole; 4x4 affine from voxel indices to RAS+ millimetres, float64).

    Raises:
        DicomError: no or several series, slices that are missing, double, beside the line of the others, or of
            different size, spacing or orientation, no place in the header, and whatever ``read_dicom`` refuses.

    Source: DICOM PS3.3, C.7.6.2.1.1 (image position and orientation, in LPS+).
    """
    files = _files(source)
    name = str(source) if isinstance(source, str | Path) else f"{files[0].parent}"
    slices = [piece for file in files for piece in _slices(file, reviewed)]
    slices = _in_order(slices, name)
    affine = _affine(slices)
    first = slices[0].header
    gigabytes = first.rows * first.columns * len(slices) * 4 / 1e9
    if gigabytes > MAX_GIGABYTES:
        raise DicomError(
            f"Expected a volume of at most {MAX_GIGABYTES:g} GB, got {first.columns}x{first.rows}x{len(slices)} voxels "
            f"in {name}. Read fewer slices."
        )
    padded = []  # slices of padding alone, which have no darkest pixel of their own
    place = {(piece.header.path, piece.frame): index for index, piece in enumerate(slices)}
    voxels: np.ndarray | None = None
    for header in {piece.header.path: piece.header for piece in slices}.values():
        for frame, values in enumerate(iter_frames(header)):
            if voxels is None:
                voxels = np.empty((len(slices), *values.shape), values.dtype)
            elif values.dtype != voxels.dtype:
                voxels = voxels.astype(np.result_type(voxels, values), copy=False)
            voxels[place[header.path, frame]] = values
            if values.min() == values.max() == padding_value(header, frame):
                padded.append(place[header.path, frame])
    assert voxels is not None
    if padded and len(padded) < len(slices):
        voxels[padded] = np.delete(voxels, padded, axis=0).min()
    return voxels.transpose(2, 1, 0), affine


def _files(source: str | Path | Iterable[str | Path]) -> list[Path]:
    if not isinstance(source, str | Path):
        files = [Path(path) for path in source]
    elif Path(source).is_dir():
        files = [path for path in files_below(Path(source)) if is_dicom(path)]
    else:
        files = [Path(source)]
    if not files:
        raise DicomError(f"Expected DICOM files in {source}, found none. Name the folder that holds the slices.")
    return files


def _slices(file: Path, reviewed: bool) -> list[_Slice]:
    header = read_header(file, reviewed=reviewed, also=("SeriesInstanceUID",))
    places = len(header.data.get("PerFrameFunctionalGroupsSequence") or ())
    if header.frames > 1 and places != header.frames:
        raise DicomError(
            f"Expected a place for each of the {header.frames} frames, got {places} in {file}. It is a film or a "
            "collection of views, not a volume: leave it out."
        )
    with readable(file, "place"):
        return [_slice(header, frame) for frame in range(header.frames)]


def _slice(header: DicomHeader, frame: int) -> _Slice:
    measures = header.group("PixelMeasuresSequence", frame)
    values = {
        "ImagePositionPatient": header.group("PlanePositionSequence", frame).get("ImagePositionPatient"),
        "ImageOrientationPatient": header.group("PlaneOrientationSequence", frame).get("ImageOrientationPatient"),
        "PixelSpacing": measures.get("PixelSpacing"),
    }
    wrong = [key for (key, value), length in zip(values.items(), (3, 6, 2), strict=True) if len(value or ()) != length]
    position, orientation, spacing = (np.array([float(v) for v in value or ()]) for value in values.values())
    if wrong or header.samples != 1 or not np.isfinite([*position, *orientation, *spacing]).all() or min(spacing) <= 0:
        raise DicomError(
            f"Expected a grey slice with its place in the patient, found no usable {', '.join(wrong) or 'values'} in "
            f"{header.path}. Leave out what is no slice of the volume (scouts, secondary captures)."
        )
    axes = orientation.reshape(2, 3)
    if np.abs(axes @ axes.T - np.eye(2)).max() > SAME:
        raise DicomError(
            f"Expected an ImageOrientationPatient of two perpendicular unit vectors, got {orientation.tolist()} in "
            f"{header.path}. Convert the series from its source again."
        )
    thickness = float(measures.get("SliceThickness") or 0)
    return _Slice(header, frame, position, axes, spacing, thickness, header.identifier("SeriesInstanceUID"))


def _in_order(slices: Sequence[_Slice], name: str) -> list[_Slice]:
    first = slices[0]
    number = len({piece.series for piece in slices})
    if number > 1:
        raise DicomError(f"Expected one series, found {number} in {name}. Read each series' files on their own.")
    for piece in slices:
        sizes = (piece.header.columns, piece.header.rows), (first.header.columns, first.header.rows)
        if sizes[0] != sizes[1]:
            raise DicomError(
                f"Expected slices of one size, got {sizes[0]} in {piece.header.path} and {sizes[1]} in "
                f"{first.header.path}. Leave out what is no slice of the volume."
            )
        apart = max(np.abs(piece.orientation - first.orientation).max(), np.abs(piece.spacing - first.spacing).max())
        if apart > SAME:
            raise DicomError(
                f"Expected slices of one orientation and spacing, got others in {piece.header.path} than in "
                f"{first.header.path}. Leave out what is no slice of the volume (scouts, reformatted views)."
            )
    ordered = sorted(slices, key=lambda piece: float(piece.position @ first.normal))
    steps = np.diff([piece.position @ first.normal for piece in ordered])
    for one, other, step in zip(ordered, ordered[1:], steps, strict=False):
        if step < SAME:
            raise DicomError(
                f"Expected one slice at each place, found two at the same: {one.header.path} and {other.header.path}. "
                "Remove the copies, or read the time points apart."
            )
        usual = float(np.median(steps))
        if abs(step - usual) > UNEVEN * usual:
            raise DicomError(
                f"Expected slices {usual:g} mm apart, got {step:g} mm between {one.header.path} and "
                f"{other.header.path}. Slices are missing or of another scan: copy the series from its source again."
            )
    _check_line(ordered, first.normal)
    return ordered


def _check_line(ordered: Sequence[_Slice], normal: np.ndarray) -> None:
    """A tilted gantry moves every slice by the same step; one that lies beside the others would shear the volume."""
    places = np.array([piece.position for piece in ordered])
    along = places @ normal
    steps = np.diff(places, axis=0) / np.diff(along)[:, None]
    line = np.median(steps, axis=0) if len(steps) else normal
    beside = places - np.outer(along, line)
    apart = np.abs(beside - np.median(beside, axis=0)).max(1)
    worst = int(apart.argmax())
    if apart[worst] > BESIDE * min(ordered[0].spacing):
        raise DicomError(
            f"Expected slices on one line, got one that lies {apart[worst]:g} mm beside the others in "
            f"{ordered[worst].header.path}. It is of another scan or was moved: leave it out, or copy the series from "
            "its source again."
        )


def _affine(slices: Sequence[_Slice]) -> np.ndarray:
    first, last = slices[0], slices[-1]
    if len(slices) > 1:
        step = (last.position - first.position) / (len(slices) - 1)
    elif math.isfinite(first.thickness) and first.thickness > 0:
        step = first.normal * first.thickness
    else:
        raise DicomError(f"Expected several slices or a SliceThickness, got one slice without in {first.header.path}.")
    affine = np.eye(4)
    affine[:3, 0] = first.orientation[0] * first.spacing[1]
    affine[:3, 1] = first.orientation[1] * first.spacing[0]
    affine[:3, 2], affine[:3, 3] = step, first.position
    return LPS_TO_RAS @ affine

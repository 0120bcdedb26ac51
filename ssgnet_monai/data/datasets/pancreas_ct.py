"""NIH Pancreas-CT: abdominal CT as DICOM, the pancreas as NIfTI whose direction is found by the tissue under it."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.datasets.case_lists import Lists, split_by_lists
from ssgnet_monai.data.datasets.volume_labels import binary_label
from ssgnet_monai.data.datasets.volume_staging import Crop, LoadedVolume, VolumeCase, stage_volumes
from ssgnet_monai.data.dicom.series import read_series
from ssgnet_monai.data.file_tree import files_below
from ssgnet_monai.data.image_files import SourceImage, listed
from ssgnet_monai.data.volumes.nifti_file import read_nifti

logger = logging.getLogger(__name__)

FOLDER = re.compile(r"PANCREAS_(\d{4})", re.IGNORECASE)
LABEL = re.compile(r"label(\d{4})\.nii(\.gz)?", re.IGNORECASE)
NUMBER = re.compile(r"\d{4}")
WITHDRAWN = ("PANCREAS_0025", "PANCREAS_0070")
ORIGINAL = "PANCREAS_0002"
CASES = 80
AIR_HU = -300
SOFT_TISSUE_HU = (0, 150)
LOOKED_AT = 5
"""Cases by which the labels' direction is found; every case is checked with it."""
FLIPS: dict[str, tuple[int, ...]] = {"none": (), "y": (1,), "z": (2,), "y and z": (1, 2)}


def read(
    source: Path,
    staging: Path,
    labels: str | None = None,
    lists: Lists | None = None,
    crop: str = "foreground",
    margin: float = 25,
    hu_window: Sequence[int] | None = (-125, 275),
    withdrawn: str = "drop",
    reviewed: bool = True,
) -> list[SourceImage]:
    """Read ``PANCREAS_0001/<study>/<series>/*.dcm`` and ``label0001.nii.gz``.

    Stacked slices and label arrays run in different directions, and headers were not always right about it: of no flip,
    y, z and both, the one under which most of the labels lies on soft tissue holds for all cases, and every case is
    checked with it.

    Args:
        source: the owner's folder; labels may lie in it.
        staging: for the cropped NIfTI volumes.
        labels: folder of the labels, where they lie elsewhere.
        lists: MC-Net's train and test lists (62 and 20 cases; 61 and 19 without the withdrawn ones), see
            ``split_by_lists``.
        crop: "foreground": the box of the body; "label_box": in the plane around the label, as MC-Net; "none".
        margin: mm around the label box; MC-Net has 25 voxels of 1 mm.
        hu_window: HU at which values are cut, or None.
        withdrawn: "drop" cases 25 and 70, which the owner withdrew as copies of case 2, or "keep" them, as one patient
            with case 2, where an old download has them.
        reviewed: the pictures show no names, as TCIA has made sure of for the collection; False asks each header, see
            ``read_header``.
    """
    if withdrawn not in ("drop", "keep"):
        raise ValueError(f"Expected withdrawn 'drop' or 'keep', got {withdrawn!r}.")
    window = None if hu_window is None else [int(value) for value in hu_window]
    if window is not None and (len(window) != 2 or not window[0] < window[1]):
        raise ValueError(f"Expected hu_window of two values, low and high, or null, got {hu_window}.")
    cases = _cases(source, source if labels is None else Path(labels).expanduser(), withdrawn == "drop")
    names = [case.name for case in cases]
    gone = [name for name in WITHDRAWN if name not in names]
    if (number := len(set(names) - set(WITHDRAWN))) != CASES:
        logger.warning("pancreas_ct: the owner has %d cases, this folder %d.", CASES, number)
    split_of = split_by_lists(lists, source, names, "pancreas_ct", _case_of, gone)
    flip = _find_flip([case for case in cases if case.name in split_of][:LOOKED_AT], reviewed)

    def load(case: VolumeCase) -> LoadedVolume:
        return _load(case, flip, window, reviewed)

    box = Crop(crop, margin, axes=(0, 1))
    found = stage_volumes(cases, split_of, staging, load, box, "pancreas_ct", [flip, window])
    return [replace(image, group=ORIGINAL) if image.stem in WITHDRAWN else image for image in found]


def _cases(source: Path, label_folder: Path, drop: bool) -> list[VolumeCase]:
    """The cases that have slices and a label; both must be there, the withdrawn cases excepted."""
    folders: dict[str, Path] = {}
    within: dict[str, set[Path]] = {}
    files = files_below(source)
    for path in files:
        folder = next((one for one in path.parents if FOLDER.fullmatch(one.name)), None)
        if folder is not None and folders.setdefault(name := folder.name.upper(), folder) == folder:
            within.setdefault(name, set()).add(path.parent)
    labels: dict[str, Path] = {}
    for path in files if label_folder == source else files_below(label_folder):
        if match := LABEL.fullmatch(path.name):
            labels.setdefault(_case_of(match[1]), path)
    if not folders or not labels:
        raise FileNotFoundError(
            f"Expected PANCREAS_0001/<study>/<series>/*.dcm in {source} and label0001.nii.gz in {label_folder} "
            f"(pancreas_ct), found {len(folders)} folders with files and {len(labels)} labels. Put both in one folder, "
            "or name that of the labels: labels=DIR."
        )
    here = [name for name in WITHDRAWN if name in folders or name in labels]
    left_out = [name for name in here if drop or name not in folders or name not in labels]
    if left_out:
        logger.info("pancreas_ct: %s left out: the owner withdrew them as copies of case 2.", listed(left_out))
    if missing := sorted((set(folders) ^ set(labels)) - set(left_out)):
        raise FileNotFoundError(
            f"Expected slices and a label for every case, found one of them for {len(missing)}: {listed(missing)}. "
            "Complete the download, or take these cases away."
        )
    return [
        VolumeCase(name, (folders[name], labels[name], *sorted(within[name])))
        for name in sorted(set(folders) & set(labels) - set(left_out))
    ]


def _case_of(line: str) -> str:
    """PANCREAS_0001 of image0001, label0001, 0001."""
    number = NUMBER.search(line)
    return f"PANCREAS_{number[0]}" if number else line


def _read_case(case: VolumeCase, reviewed: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(HU, label in the direction of its file, affine of the slices)."""
    voxels, affine = read_series(case.files[0], reviewed=reviewed)
    label = binary_label(read_nifti(case.files[1])[0], (1,), case.files[1])
    if voxels.shape != label.shape:
        raise ValueError(
            f"Expected a label of the slices' shape {voxels.shape}, got {label.shape} in {case.files[1]}. Slices are "
            "missing, or the label is of another case: copy both from the owner again."
        )
    return voxels, label, affine


def _find_flip(cases: Sequence[VolumeCase], reviewed: bool) -> str:
    """The direction under which most of the labels lies on soft tissue."""
    shares = dict.fromkeys(FLIPS, 0.0)
    for case in cases:
        voxels, label, _ = _read_case(case, reviewed)
        for flip, axes in FLIPS.items():
            shares[flip] += float(_soft(voxels[np.flip(label, axes)]).mean()) / len(cases)
    best = max(shares, key=lambda flip: shares[flip])
    told = ", ".join(f"{flip} {share:.2f}" for flip, share in shares.items())
    logger.info("pancreas_ct: flip of the labels: %s (share of them on soft tissue by flip: %s).", best, told)
    return best


def _soft(hu: np.ndarray) -> np.ndarray:
    return (hu >= SOFT_TISSUE_HU[0]) & (hu <= SOFT_TISSUE_HU[1])


def _load(case: VolumeCase, flip: str, window: Sequence[int] | None, reviewed: bool) -> LoadedVolume:
    voxels, label, affine = _read_case(case, reviewed)
    label = np.flip(label, FLIPS[flip])
    inside = voxels[label]
    mean, soft = float(inside.mean()), float(_soft(inside).mean())
    if not _soft(np.array(mean)) or soft < 0.5:
        raise ValueError(
            f"Expected a pancreas of soft tissue (mean of {SOFT_TISSUE_HU[0]} to {SOFT_TISSUE_HU[1]} HU), got a "
            f"mean of {mean:.0f} HU and {soft:.0%} soft tissue under {case.files[1].name} (flipped along {flip}). "
            "The label is of another case or release, or runs in another direction than the others."
        )
    body = voxels > AIR_HU
    usual = voxels.shape[:2] == (512, 512)
    return LoadedVolume(
        image=voxels if window is None else np.clip(voxels, window[0], window[1]),
        label=label,
        affine=affine,
        body=body,
        remark="" if usual else f"slices of {voxels.shape[0]}x{voxels.shape[1]}",
    )


ADAPTERS = (
    Adapter(
        name="pancreas_ct",
        tasks=("segmentation",),
        modality="CT",
        content="80 contrast-enhanced abdomens with the pancreas, 18,942 slices",
        licence="CC BY 3.0",
        home="https://doi.org/10.7937/K9/TCIA.2016.tNB1kqBU",
        read=read,
        options={"foreground": "pancreas", "num_channels": 1},
        group_source="case numbers, one a patient",
        instructions="Fetch the images with the NBIA Data Retriever (Pancreas-CT-20200910.tcia) and "
        "TCIA_pancreas_labels-02-05-2017.zip from the owner's page, and unpack both into one folder.",
    ),
)

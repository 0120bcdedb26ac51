"""BraTS 2019: brain MRI in four contrasts with three tumour labels, as NIfTI."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np
from nibabel.affines import voxel_sizes

from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.datasets.case_lists import Lists, split_by_lists
from ssgnet_monai.data.datasets.volume_staging import (
    Crop,
    LoadedVolume,
    VolumeCase,
    stage_volumes,
    zscored,
)
from ssgnet_monai.data.file_tree import files_below
from ssgnet_monai.data.image_files import ONE_CLASS, SourceImage, listed
from ssgnet_monai.data.volumes.nifti_file import read_nifti
from ssgnet_monai.data.volumes.places import check_places

logger = logging.getLogger(__name__)

MODALITIES = ("flair", "t1", "t1ce", "t2")
LABELS = {0: "background", 1: "necrosis, non-enhancing", 2: "oedema", 4: "enhancing"}
TARGETS = {"whole": (1, 2, 4), "core": (1, 4), "enhancing": (4,)}
GRADES = ("HGG", "LGG")
CLASSES = (ONE_CLASS, "grade")
INTENSITIES = ("zscore", "stored")
SHAPE = (240, 240, 155)
CASES = 335
TOP = 99.9
NAME = re.compile(rf"(BraTS19_.+)_({'|'.join(MODALITIES)}|seg)\.nii(\.gz)?", re.IGNORECASE)


def read(
    source: Path,
    staging: Path,
    lists: Lists | None = None,
    target: str = "whole",
    modality: str = "flair",
    classes: str = ONE_CLASS,
    crop: str = "foreground",
    margin: float = 0,
    intensity: str = "zscore",
) -> list[SourceImage]:
    """Read ``{HGG,LGG}/<id>/<id>_{flair,t1,t1ce,t2,seg}.nii.gz``.

    Args:
        source: the owner's folder.
        staging: for the cropped NIfTI volumes.
        lists: SSL4MIS's ``train.txt``, ``val.txt`` and ``test.txt`` (250, 25 and 60 cases), see ``split_by_lists``.
        target: the foreground: "whole" (labels 1, 2, 4), "core" (1, 4) or "enhancing" (4).
        modality: "flair", "t1", "t1ce" or "t2".
        classes: "all" (one class), or "grade" (HGG, LGG).
        crop: "foreground": the box of the skull-stripped brain; "label_box": around the tumour; "none".
        margin: mm around the label box.
        intensity: "zscore": cut at the 99.9th percentile, then mean 0 and deviation 1 over the brain, as SSL4MIS; the
            background, 0 before, becomes the lowest value. "stored": the owner's.
    """
    known = {"target": TARGETS, "modality": MODALITIES, "classes": CLASSES, "intensity": INTENSITIES}
    given = {"target": target, "modality": modality, "classes": classes, "intensity": intensity}
    for key, value in given.items():
        if value not in known[key]:
            raise ValueError(f"Expected {key} out of {', '.join(known[key])}, got {value!r}.")
    cases = _cases(source, modality, classes)
    if len(cases) != CASES:
        logger.warning("brats2019: the owner has %d cases, this folder %d.", CASES, len(cases))
    split_of = split_by_lists(lists, source, [case.name for case in cases], "brats2019")

    def load(case: VolumeCase) -> LoadedVolume:
        return _load(case, TARGETS[target], intensity == "zscore")

    return stage_volumes(cases, split_of, staging, load, Crop(crop, margin), "brats2019", given)


def _cases(source: Path, modality: str, classes: str) -> list[VolumeCase]:
    found: dict[str, dict[str, Path]] = {}
    for path in files_below(source):
        if match := NAME.fullmatch(path.name):
            found.setdefault(match[1], {}).setdefault(match[2].lower(), path)
    if not found:
        raise FileNotFoundError(
            f"Expected HGG/BraTS19_<...>/BraTS19_<...>_{modality}.nii.gz below {source} (brats2019), found none. "
            "Unpack MICCAI_BraTS_2019_Data_Training.zip there, or name its folder."
        )
    for kind in (modality, "seg"):
        if missing := [name for name, files in sorted(found.items()) if kind not in files]:
            raise FileNotFoundError(
                f"Expected <case>_{kind}.nii.gz of all {len(found)} cases in {source}, found none for {len(missing)}: "
                f"{listed(missing)}. Copy them again, or take these cases away."
            )
    return [
        VolumeCase(name, (files[modality], files["seg"]), _grade(files["seg"]) if classes == "grade" else ONE_CLASS)
        for name, files in sorted(found.items())
    ]


def _grade(path: Path) -> str:
    grades = [part.upper() for part in path.parts if part.upper() in GRADES]
    if not grades:
        raise ValueError(
            f"Expected {path} in a folder HGG or LGG. Restore the owner's folders, or prepare with classes=all."
        )
    return grades[-1]


def _load(case: VolumeCase, target: tuple[int, ...], normalise: bool) -> LoadedVolume:
    path, label_path = case.files
    (image, affine), (label, label_affine) = read_nifti(path), read_nifti(label_path)
    check_places(image.shape, affine, label.shape, label_affine, label_path)
    found = np.unique(label).tolist()
    if not set(found) <= set(LABELS):
        meaning = ", ".join(f"{value} ({name})" for value, name in LABELS.items())
        raise ValueError(
            f"Expected labels {meaning}, got {', '.join(f'{value:g}' for value in found[:8])} in {label_path}. Take "
            "the owner's file: in some copies 4 was changed to 3."
        )
    if found == [0]:
        raise ValueError(f"Expected some tumour, got an empty label in {label_path}. Copy it from its source again.")
    brain = image > 0
    if image.min() != 0 or not brain.any():
        raise ValueError(
            f"Expected a skull-stripped brain above a background of 0, got values {image.min():g} to {image.max():g} "
            f"in {path}. Take the owner's file, not a normalised copy."
        )
    spacing = voxel_sizes(affine)
    usual = image.shape == SHAPE and np.allclose(spacing, 1, atol=0.001)
    return LoadedVolume(
        image=zscored(image, brain, TOP) if normalise else image,
        label=np.isin(label, target),
        affine=affine,
        body=brain,
        remark="" if usual else f"{image.shape} voxels of {spacing.round(3).tolist()} mm",
    )


ADAPTERS = (
    Adapter(
        name="brats2019",
        tasks=("segmentation", "classification"),
        modality="MRI",
        content="335 brains with tumours (259 HGG, 76 LGG), four contrasts, three labels",
        licence="by agreement, for research",
        home="https://www.med.upenn.edu/cbica/brats2019/data.html",
        read=read,
        options={"foreground": "tumour", "num_channels": 1},
        group_source="case names, one a patient",
        instructions="Register at the owner's page (who wants to be cited) and "
        "unpack MICCAI_BraTS_2019_Data_Training.zip. The lists "
        "train.txt, val.txt and test.txt: data/BraTS2019 of https://github.com/HiLab-git/SSL4MIS.",
    ),
)

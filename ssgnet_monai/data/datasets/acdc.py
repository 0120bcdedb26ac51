"""ACDC: cine MRI of the heart at the end of diastole and of systole, with both ventricles and the myocardium."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.file_tree import files_below
from ssgnet_monai.data.image_files import SourceImage, listed

logger = logging.getLogger(__name__)

LABELS = {"background": 0, "right ventricle": 1, "myocardium": 2, "left ventricle": 3}
NAME = re.compile(r"((patient\d{3})_frame\d{2})(_gt)?\.nii(\.gz)?", re.IGNORECASE)
TESTING = "testing"
PATIENTS = 150


def read(source: Path, staging: Path) -> list[SourceImage]:
    """Read ``{training,testing}/patientNNN/patientNNN_frameMM.nii.gz`` with ``patientNNN_frameMM_gt.nii.gz``.

    The testing patients are the test, and a validation is drawn from the training patients; of one folder alone, both
    are drawn. The film of all phases (``patientNNN_4d.nii.gz``) is passed by. Spacing stays (1.4 to 1.9 mm, slices of 5
    to 10 mm).

    Args:
        source: the owner's folder.
        staging: not used.

    Raises:
        FileNotFoundError: no frame, or one without its ``_gt``.
    """
    images: dict[str, Path] = {}
    masks: dict[str, Path] = {}
    for path in files_below(source):
        if found := NAME.fullmatch(path.name):
            (masks if found[3] else images).setdefault(found[1], path)
    if not images:
        raise FileNotFoundError(
            f"Expected training/patient001/patient001_frame01.nii.gz and the like below {source} (acdc), found none. "
            "Unpack the owner's archive there, or name its folder."
        )
    if missing := sorted(set(images) ^ set(masks)):
        raise FileNotFoundError(
            f"Expected <frame>.nii.gz and <frame>_gt.nii.gz of all {len(images)} frames in {source} (acdc), found one "
            f"of them for {listed(missing)}. Copy them again; older copies of testing/ have no _gt: take it away."
        )
    sources = [
        SourceImage(
            stem=stem,
            image=path,
            mask=masks[stem],
            group=stem.partition("_")[0],
            split="test" if TESTING in (part.lower() for part in path.relative_to(source).parts[:-1]) else None,
        )
        for stem, path in sorted(images.items())
    ]
    patients = {image.group for image in sources}
    if len(patients) != PATIENTS:
        logger.warning("acdc: the owner has %d patients, this folder %d.", PATIENTS, len(patients))
    return sources


ADAPTERS = (
    Adapter(
        name="acdc",
        tasks=("segmentation",),
        modality="MRI",
        content="cine MRI of 150 hearts at two phases; right ventricle, myocardium, left ventricle",
        licence="CC BY-NC-SA 4.0",
        home="https://humanheart-project.creatis.insa-lyon.fr/database/",
        read=read,
        options={"labels": LABELS, "num_channels": 1},
        group_source="patients, from the file names",
        instructions="Download the archive from the owner's page (Bernard et al., IEEE TMI 37, 2018, wants to be "
        "cited) and unpack it: training/ and testing/ with a folder a patient.",
    ),
)

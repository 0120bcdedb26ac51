"""Kermany chest X-ray: children with pneumonia (bacterial or viral) and without, as Mendeley and Kaggle publish it."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path

from ssgnet_monai.data.datasets.adapter import Adapter, RemoteFile
from ssgnet_monai.data.datasets.layout import find_root
from ssgnet_monai.data.image_files import SourceImage, find_images, stem_of

logger = logging.getLogger(__name__)

FOLDERS = ("NORMAL", "PNEUMONIA")
CLASSES = {
    "pneumonia": {"normal": "normal", "bacteria": "pneumonia", "virus": "pneumonia"},
    "pathogen": {"normal": "normal", "bacteria": "bacteria", "virus": "virus"},
}
# Version 2 and Kaggle: person1_bacteria_2.jpeg, IM-0115-0001.jpeg, NORMAL2-IM-1427-0001.jpeg.
# Version 3: BACTERIA-1234567-0001.jpeg, VIRUS-..., NORMAL-....
NAMES = (
    re.compile(r"(?P<patient>person\d+)_(?P<kind>bacteria|virus)_\d+", re.IGNORECASE),
    re.compile(r"(?P<kind>NORMAL)\d?-(?P<patient>IM-\d+)(-\d+)+", re.IGNORECASE),
    re.compile(r"(?P<patient>IM-\d+)(-\d+)+", re.IGNORECASE),
    re.compile(r"(?P<kind>BACTERIA|VIRUS|NORMAL)-(?P<patient>\d+)-\d+", re.IGNORECASE),
)
KAGGLE_VALIDATION = 16
IMAGES = 5856


def read(source: Path, staging: Path, classes: str = "pneumonia") -> list[SourceImage]:
    """Read ``{train,test}/{NORMAL,PNEUMONIA}``, or the two class folders alone.

    The official test images stay the test; Kaggle's validation of 16 images was taken from the training images and
    goes back to them. The kind is in the file name alone; a patient is the number in it, within one of the official
    folders (the numbers begin anew in the test folder).

    Args:
        source: the owner's folder.
        staging: not used.
        classes: "pneumonia" (normal, pneumonia) or "pathogen" (normal, bacteria, virus).

    Raises:
        FileNotFoundError: another layout.
        ValueError: unknown ``classes``, or file names that do not tell the kind.
    """
    if classes not in CLASSES:
        raise ValueError(f"Expected classes {sorted(CLASSES)}, got {classes!r}.")
    # Version 3's archive has train and test of retinas (OCT) too, without pneumonia.
    root, parts = find_root(source, ("train/PNEUMONIA", "test/PNEUMONIA"), FOLDERS, dataset="chest_xray")
    if FOLDERS[0] in parts:
        return _read_part(root, None, classes)
    train, test = (part.parent for part in parts.values())
    sources = _read_part(train, None, classes) + _read_part(test, "test", classes)
    if (root / "val").is_dir():
        validation = _read_part(root / "val", None, classes)
        if len(validation) > KAGGLE_VALIDATION:
            validation = [replace(image, split="validation") for image in validation]
        else:
            logger.info("chest_xray: the %d images of val are training images: too few to choose by.", len(validation))
        sources += validation
    if len(sources) != IMAGES:
        logger.warning("chest_xray: the owner has %d images, this folder %d.", IMAGES, len(sources))
    return sources


def _read_part(folder: Path, split: str | None, classes: str) -> list[SourceImage]:
    _, parts = find_root(folder, FOLDERS, dataset="chest_xray")
    side = split or "train"
    found = []
    for name in FOLDERS:
        for path in find_images(parts[name]):
            match = next((match for pattern in NAMES if (match := pattern.fullmatch(stem_of(path)))), None)
            kind = (match.groupdict().get("kind") or "normal").lower() if match else ""
            if match is None or (kind == "normal") != (name == "NORMAL"):
                raise ValueError(
                    f"Expected names like person1_bacteria_2.jpeg or IM-0115-0001.jpeg in {name}, got {path.name}. "
                    "The name tells kind and patient; prepare a renamed copy with --images and --classes folders."
                )
            patient = f"{side}/{match['patient'].lower()}"
            stem = stem_of(path) if split is None else f"{split}_{stem_of(path)}"  # names recur in the test folder
            found.append(SourceImage(stem, path, None, CLASSES[classes][kind], patient, split))
    return found


ADAPTERS = (
    Adapter(
        name="chest_xray",
        tasks=("classification",),
        modality="X-ray",
        content="5,856 films of children: 1,583 normal, 4,273 pneumonia (bacterial, viral)",
        licence="CC BY 4.0",
        home="https://data.mendeley.com/datasets/rscbjbr9sj",
        read=read,
        options={"num_channels": 1},
        group_source="patient numbers in the file names",
        files=(
            RemoteFile(
                url="https://data.mendeley.com/public-files/datasets/rscbjbr9sj/files/"
                "f12eaf6d-6023-432f-acc9-80c9d7393433/file_downloaded",
                name="ChestXRay2017.zip",
                size=1_235_512_464,
                sha256="13efc055629733dbab07877f8b3c9f81097840dbcdaa326a8542322c2281ce36",
            ),
        ),
    ),
)

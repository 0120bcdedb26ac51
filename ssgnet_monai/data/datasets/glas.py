"""GlaS (Warwick-QU): glands in colon tissue, numbered masks, grades and patients in a table."""

from __future__ import annotations

import csv
import logging
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.datasets.layout import find_root
from ssgnet_monai.data.image_files import (
    ONE_CLASS,
    ImagePair,
    SourceImage,
    find_images,
    listed,
    locate_folders,
    stem_key,
)
from ssgnet_monai.data.pair_files import pair_files
from ssgnet_monai.data.text_file import read_text

logger = logging.getLogger(__name__)

TASKS = ("segmentation", "classification")
TABLE = "Grade.csv"
NAME = re.compile(r"(train|testA|testB)_\d+", re.IGNORECASE)
TRAIN = "train"
NUMBERS = {TRAIN: 85, "testa": 60, "testb": 20}
TESTS = {"both": ("testa", "testb"), "A": ("testa",), "B": ("testb",)}
# The table's columns, without case and spaces; its last grade is misspelt by the owner.
NAME_COLUMN, PATIENT_COLUMN = "name", "patientid"
CLASSES = {
    "grade": ("grade(glas)", {"benign": "benign", "malignant": "malignant"}),
    "differentiation": (
        "grade(sirinukunwattanaetal.2015)",
        {
            "adenomatous": "adenomatous",
            "healthy": "healthy",
            "moderately differentiated": "moderately_differentiated",
            "moderately-to-poorly differentated": "moderately_to_poorly_differentiated",
            "moderately-to-poorly differentiated": "moderately_to_poorly_differentiated",
            "poorly differentiated": "poorly_differentiated",
        },
    ),
}


def read(
    source: Path, staging: Path, task: str = "segmentation", classes: str | None = None, test: str = "both"
) -> list[SourceImage]:
    """Read images, masks of numbered glands (0 is background) and ``Grade.csv``.

    Test A and B stay the test, though nearly all their patients are in the training images too. With a split drawn
    anew, patients keep together. Without ``Grade.csv`` no patients are known; ``images/`` and ``masks/`` are read too.

    Args:
        source: the owner's folder.
        staging: not used.
        task: "segmentation" or "classification".
        classes: "grade" (benign, malignant; for classification the default) or "differentiation" (five grades of
            Sirinukunwattana et al. 2015); None: one class.
        test: "both", "A" or "B"; the other test's images are left out.

    Raises:
        FileNotFoundError: another layout, or classes without ``Grade.csv``.
        ValueError: unknown options, names or grades, images without mask or row.
    """
    if task not in TASKS or classes not in (None, *CLASSES) or test not in TESTS:
        raise ValueError(
            f"Expected task {' or '.join(TASKS)}, classes out of {sorted(CLASSES)} and test out of {sorted(TESTS)}, "
            f"got {task!r}, {classes!r} and {test!r}."
        )
    classes = classes or ("grade" if task == "classification" else None)
    root, parts = find_root(source, (TABLE,), *[] if classes else [("images", "masks")], dataset="glas")
    images, masks = locate_folders(root, None)
    pairs = pair_files(find_images(images), find_images(masks or images))
    if odd := [pair.image for pair in pairs if not NAME.fullmatch(pair.stem)]:
        raise ValueError(f"Expected names like train_1, testA_1, testB_1 in {images}, got {listed(odd)}. Remove these.")
    patient_of, class_of = _read_table(parts[TABLE], classes, pairs) if TABLE in parts else ({}, {})
    if not patient_of:
        logger.warning("glas: there is no %s: patients are not known.", TABLE)
    counts = Counter(map(_part, pairs))
    if counts != NUMBERS:
        logger.warning("glas: the owner's archive has the images %s, this folder %s.", NUMBERS, dict(counts))
    return [
        SourceImage(
            pair.stem, pair.image, pair.mask if task == "segmentation" else None,
            class_of.get(pair.stem, ONE_CLASS), patient_of.get(pair.stem), None if _part(pair) == TRAIN else "test",
        )
        for pair in pairs
        if _part(pair) in (TRAIN, *TESTS[test])
    ]  # fmt: skip


def _part(pair: ImagePair) -> str:
    return pair.stem.partition("_")[0].lower()


def _read_table(path: Path, classes: str | None, pairs: Sequence[ImagePair]) -> tuple[dict[str, str], dict[str, str]]:
    """(patient, class) by stem. Lines may end in CR alone; header and cells have spaces in front."""
    lines = read_text(path).splitlines()
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines) if any(row)]
    header = ["".join(name.split()).lower() for name in rows[0]] if rows else []
    column, names = CLASSES[classes] if classes else (PATIENT_COLUMN, {})
    if missing := {NAME_COLUMN, PATIENT_COLUMN, column} - set(header):
        raise ValueError(f"Expected columns name, patient ID and the grades in {path}, found no {sorted(missing)}.")
    if short := [row for row in rows if len(row) != len(header)]:
        raise ValueError(f"Expected {len(header)} cells in every row of {path}, got {short[0]}.")
    table = {stem_key(row[header.index(NAME_COLUMN)]): dict(zip(header, row, strict=True)) for row in rows[1:]}
    if len(table) != len(rows) - 1:
        raise ValueError(f"Expected one row for each image in {path}, got {len(rows) - 1} rows for {len(table)}.")
    if without := [pair.stem for pair in pairs if stem_key(pair.stem) not in table]:
        raise ValueError(f"Expected a row for every image in {path}, found none for {listed(without)}.")
    known = {pair.stem: table[stem_key(pair.stem)] for pair in pairs}
    if odd := sorted({row[column] for row in known.values()} - set(names)) if classes else []:
        raise ValueError(f"Expected grades out of {sorted(names)} in {path}, got {odd}.")
    patient_of = {stem: row[PATIENT_COLUMN] for stem, row in known.items()}
    return patient_of, {stem: names[row[column]] for stem, row in known.items()} if classes else {}


ADAPTERS = (
    Adapter(
        name="glas",
        tasks=TASKS,
        modality="histology",
        content="165 pictures of colon tissue with masks of glands; benign, malignant",
        licence="non-commercial research",
        home="https://warwick.ac.uk/fac/cross_fac/tia/data/glascontest/",
        read=read,
        options={"foreground": "gland", "mask_threshold": 0},
        group_source="patient ID of Grade.csv",
        instructions="Download warwick_qu_dataset_released_2016_07_08.zip from the owner's page and unpack it.",
    ),
)

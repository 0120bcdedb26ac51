"""HMEPS: frames of human and mouse eyes with masks of the pupil (project MEYE)."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.datasets.layout import find_root
from ssgnet_monai.data.image_files import ONE_CLASS, SourceImage, find_images, listed, stem_key
from ssgnet_monai.data.image_io import write_image_png
from ssgnet_monai.data.open_picture import open_picture
from ssgnet_monai.data.pair_files import pair_files
from ssgnet_monai.data.staging import StagingJob, stage_pictures
from ssgnet_monai.data.text_file import read_text

logger = logging.getLogger(__name__)

TASKS = ("segmentation", "classification")
TABLE = "annotations.csv"
FRAMES = 11_897
COLUMNS = ("filename", "eye", "blink", "exp", "sub")
# Subjects of the split "subjects" in the owner's code; the others are for training.
VALIDATION = frozenset({6, 9, 11, 13, 16, 28, 30, 48, 49})
TEST = frozenset({3, 4, 19, 38, 45, 46, 51, 52})
SETTING = re.compile(r"\w[\w .+-]*")
FLAGS = {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True}
CLASSES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "blink": lambda row: "blink" if row["blink"] else "no_blink",
    "eye": lambda row: "eye" if row["eye"] else "no_eye",
    "exp": lambda row: row["exp"],
}
KEEP: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "all": lambda row: True,
    "eye": lambda row: row["eye"],
    "open": lambda row: row["eye"] and not row["blink"],
}


def read(
    source: Path, staging: Path, task: str = "segmentation", classes: str | None = None, keep: str = "all"
) -> list[SourceImage]:
    """Read ``fullFrames/``, ``annotation/png/`` and ``annotation/annotations.csv``.

    The pupil is the red channel of a mask; it is empty in frames without eye and in most blinks. A subject (``sub``) is
    a group, and validation and test are the subjects of the owner's code.

    Args:
        source: the owner's folder.
        staging: for the masks of the red channel.
        task: "segmentation" or "classification".
        classes: "blink" (blink, no_blink; for classification the default), "eye" (eye, no_eye) or "exp" (the setting,
            as the table names it); None: one class.
        keep: "all" frames, those with an "eye", or those with an "open" eye (no blink).

    Raises:
        FileNotFoundError: another layout.
        ValueError: unknown options, a table without the columns, rows without frame, frames without row or mask, or
            masks that are not in colour.
    """
    if task not in TASKS or classes not in (None, *CLASSES) or keep not in KEEP:
        raise ValueError(
            f"Expected task {' or '.join(TASKS)}, classes out of {sorted(CLASSES)} and keep out of {list(KEEP)}, got "
            f"{task!r}, {classes!r} and {keep!r}."
        )
    classes = classes or ("blink" if task == "classification" else None)
    root, parts = find_root(source, ("fullFrames", "annotation"), dataset="hmeps")
    _, annotation = find_root(parts["annotation"], (TABLE, "png"), dataset="hmeps")
    pairs = {
        stem_key(pair.stem): pair
        for pair in pair_files(find_images(parts["fullFrames"]), find_images(annotation["png"]))
    }
    rows = _read_table(annotation[TABLE])
    if odd := sorted(set(pairs) ^ set(rows)):
        raise ValueError(
            f"Expected a row of {TABLE} for every frame in {root} and a frame for every row, found {len(odd)} without: "
            f"{listed(odd)}. Unpack the whole archive again."
        )
    if len(rows) != FRAMES:
        logger.warning("hmeps: the owner's archive has %d frames, this folder %d.", FRAMES, len(rows))
    kept = [stem for stem, row in sorted(rows.items()) if KEEP[keep](row)]
    if not kept:
        raise ValueError(f"Expected frames of keep={keep}, found none in {annotation[TABLE]}. Use keep=all.")
    images = [pairs[stem] for stem in kept]
    pupils: Sequence[Path | None] = [None] * len(kept)
    if task == "segmentation":
        jobs = [StagingJob(pair.stem, (pair.mask,)) for pair in images if pair.mask]
        made = stage_pictures(jobs, staging, lambda job: _write_pupil(job, staging))
        pupils = [staging / name for names in made for name in names]
    return [
        SourceImage(
            pair.stem, pair.image, pupil, CLASSES[classes](rows[stem]) if classes else ONE_CLASS,
            str(rows[stem]["sub"]), _split(rows[stem]["sub"]),
        )
        for stem, pair, pupil in zip(kept, images, pupils, strict=True)
    ]  # fmt: skip


def _write_pupil(job: StagingJob, staging: Path) -> Mapping[str, Any]:
    (path,) = job.sources
    with open_picture(path) as mask:
        if mask.mode not in ("RGB", "RGBA", "P"):
            raise ValueError(f"Expected a mask in colour (the pupil is red), got Pillow mode {mask.mode!r} in {path}.")
        pupil = np.asarray(mask.convert("RGB"))[..., 0]
    name = f"{job.name}.png"
    write_image_png(staging / name, pupil)
    return {name: None}


def _read_table(path: Path) -> dict[str, dict[str, Any]]:
    """The row of each frame: eye and blink as truth values, the subject as a number."""
    reader = csv.DictReader(io.StringIO(read_text(path)))
    found = list(reader.fieldnames or ())
    if missing := sorted(set(COLUMNS) - set(found)):
        raise ValueError(f"Expected columns {', '.join(COLUMNS)} in {path}, found no {missing} among {found}.")
    table: dict[str, dict[str, Any]] = {}
    for row in reader:
        try:
            stem = stem_key(row["filename"].replace("\\", "/").rpartition("/")[2])
            known: dict[str, Any] = {flag: FLAGS[row[flag].strip().lower()] for flag in ("eye", "blink")}
            known |= {"exp": row["exp"].strip(), "sub": int(row["sub"].removesuffix(".0"))}
            if not SETTING.fullmatch(known["exp"]):
                raise ValueError(known["exp"])
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(
                f"Expected 0 or 1 as eye and blink, a name as exp and a number as sub in {path}, got {row}."
            ) from error
        if stem in table:
            raise ValueError(f"Expected each frame once in {path}, got {row['filename']} again.")
        table[stem] = known
    return table


def _split(subject: int) -> str:
    return "validation" if subject in VALIDATION else "test" if subject in TEST else "training"


ADAPTERS = (
    Adapter(
        name="hmeps",
        tasks=TASKS,
        modality="infrared video",
        content="11,897 frames of human and mouse eyes with masks of the pupil; blinks, settings",
        licence="CC BY 4.0",
        home="https://doi.org/10.5281/zenodo.4488164",
        read=read,
        options={"foreground": "pupil"},
        group_source="sub of annotations.csv",
        instructions="Download NN_human_mouse_eyes.zip (246 MB) from the owner's page and unpack it.",
    ),
)

"""CBIS-DDSM: film mammograms with masses and calcifications as TCIA publishes them, DICOM files and four tables."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.datasets.lesion_crop import stage_mammogram
from ssgnet_monai.data.file_tree import files_below
from ssgnet_monai.data.image_files import DICOM_SUFFIX, SourceImage, listed
from ssgnet_monai.data.staging import StagingJob, stage_pictures
from ssgnet_monai.data.text_file import read_text

logger = logging.getLogger(__name__)

KINDS = {"both": ("mass", "calc"), "mass": ("mass",), "calc": ("calc",)}
SIDES = {"train": None, "test": "test"}
TABLE = re.compile(r"(mass|calc)\w*_(train|test)\w*\.csv", re.IGNORECASE)
FOLDER = re.compile(r"(Mass|Calc)-(Training|Test)_P_\d+_(LEFT|RIGHT)_(CC|MLO)(_\d+)?", re.IGNORECASE)
PATHS = ("image file path", "ROI mask file path")  # crops lie in the masks' folders
COLUMNS = ("patient_id", "pathology", *PATHS)
CLASSES = {"BENIGN": "benign", "BENIGN_WITHOUT_CALLBACK": "benign", "MALIGNANT": "malignant"}
DEPTH = 4


@dataclass(frozen=True)
class _Row:
    image: str
    lesion: str
    patient: str
    class_name: str
    split: str | None


def read(
    source: Path,
    staging: Path,
    kind: str = "both",
    crop: bool = True,
    margin: float = 0.25,
    max_side: int = 1024,
    reviewed: bool = True,
) -> list[SourceImage]:
    """Read the four tables and the folders that they name; the files' own names in the tables are of an old download.

    Mass and calcification each have an official test of other patients. Taken together, 31 patients are in the training
    of one and the test of the other: the official split is then dropped, and patients are split anew over all files.

    Args:
        source: the owner's folders with the tables beside or around them.
        staging: for the pictures.
        kind: "mass", "calc" or "both".
        crop: True gives each lesion as a square around its mask; False the whole mammogram with the masks of all its
            lesions, malignant if any of them is.
        margin: added on each side of a lesion, as a share of its longer side.
        max_side: longer pictures are scaled down to this many pixels.
        reviewed: the pictures show no names, as TCIA has made sure of for the collection; False asks each header, see
            ``read_header``.

    Raises:
        FileNotFoundError: tables or folders are missing.
        ValueError: unknown options, columns or pathologies, or the JPEG copy of Kaggle.
    """
    if kind not in KINDS or not 0 <= margin <= 10 or max_side < 1:
        raise ValueError(
            f"Expected kind out of {sorted(KINDS)}, margin of 0 to 10 and max_side of at least 1, got {kind!r}, "
            f"{margin} and {max_side}."
        )
    tables, folders = _survey(source)
    if not folders and any(table.name.casefold() == "dicom_info.csv" for table in tables):
        raise ValueError(
            "Expected the DICOM folders of TCIA (Mass-Training_P_00001_LEFT_CC, ...), found Kaggle's copy in "
            f"{source}: its 8-bit JPEG files lie in folders by series. Get the original with the NBIA Data Retriever, "
            "see `ssgnet data list`."
        )
    rows = [row for name in KINDS[kind] for side in SIDES for row in _read_table(tables, name, side, source)]
    if kind == "both":
        logger.warning(
            "cbis_ddsm: the official test of masses holds training patients of calcifications and the other way round; "
            "patients are split anew. kind=mass or kind=calc keeps the official test."
        )
    jobs, rows_of, missing = _jobs(rows, folders)
    if missing:
        logger.warning(
            "cbis_ddsm: %d of %d mammograms are left out, as their folder or one of a lesion is absent: %s",
            len(missing), len(rows_of), listed(missing),
        )  # fmt: skip
    if not jobs:
        raise FileNotFoundError(
            f"Expected the folders that the tables name in {source}, such as {listed(missing)}, found none. "
            "Name the folder that holds both."
        )

    def make(job: StagingJob) -> dict[str, Any]:
        lesions = {row.lesion: _files(folders[row.lesion.casefold()]) for row in rows_of[job.name]}
        image = _files(folders[job.name.casefold()])
        return stage_mammogram(job.name, image, lesions, staging, margin if crop else None, max_side, reviewed)

    records = stage_pictures(jobs, staging, make, [crop, margin, max_side])
    return _sources(jobs, records, rows_of, staging, keep_split=kind != "both")


def _survey(source: Path, depth: int = DEPTH) -> tuple[list[Path], dict[str, Path]]:
    """(tables, image and lesion folders by lower-case name) in a folder and below."""
    tables, folders = [], {}
    for entry in sorted(source.iterdir()):
        if entry.suffix.lower() == ".csv" and not entry.name.startswith("."):
            tables.append(entry)
        elif entry.is_dir() and FOLDER.fullmatch(entry.name):
            folders[entry.name.casefold()] = entry
        elif entry.is_dir() and depth and not entry.name.startswith((".", "__")):
            below = _survey(entry, depth - 1)
            tables, folders = tables + below[0], {**below[1], **folders}
    return tables, folders


def _read_table(tables: Sequence[Path], kind: str, side: str, source: Path) -> list[_Row]:
    found = [table for table in tables if (match := TABLE.fullmatch(table.name)) and _is(match, kind, side)]
    if not found:
        raise FileNotFoundError(
            f"Expected {kind}_case_description_{side}_set.csv in {source}, found {listed(tables) or 'no table'}. "
            "The four tables are on TCIA's page of the collection; put them beside the images."
        )
    reader = csv.DictReader(io.StringIO(read_text(found[0])))  # paths are quoted and end in a line feed
    columns = {str(name).strip(): name for name in reader.fieldnames or ()}
    if absent := [name for name in COLUMNS if name not in columns]:
        raise ValueError(
            f"Expected columns {list(COLUMNS)} in {found[0]}, found no {absent} among {sorted(columns)}. "
            "Take the tables of TCIA's current release."
        )
    return [_row({name: (row[columns[name]] or "").strip() for name in COLUMNS}, side, found[0]) for row in reader]


def _is(match: re.Match[str], kind: str, side: str) -> bool:
    return match[1].casefold() == kind and match[2].casefold() == side


def _row(cells: Mapping[str, str], side: str, table: Path) -> _Row:
    names = [cells[path].replace("\\", "/").strip("/").split("/")[0] for path in PATHS]
    wrong = [name for name in names if not FOLDER.fullmatch(name)]
    if wrong or cells["pathology"] not in CLASSES or not cells["patient_id"]:
        raise ValueError(
            f"Expected folders like Mass-Training_P_00001_LEFT_CC and a pathology out of {sorted(CLASSES)}, got "
            f"{names} and {cells['pathology']!r} in {table}. Take the tables of TCIA's current release."
        )
    return _Row(names[0], names[1], cells["patient_id"], CLASSES[cells["pathology"]], SIDES[side])


def _jobs(
    rows: Sequence[_Row], folders: Mapping[str, Path]
) -> tuple[list[StagingJob], dict[str, list[_Row]], list[str]]:
    """One job for each image with all of its folders; the rows of each image; the images without."""
    rows_of = defaultdict(list)
    for row in rows:
        rows_of[row.image].append(row)
    jobs, missing = [], []
    for image, lesions in sorted(rows_of.items()):
        names = [image, *sorted({row.lesion for row in lesions})]
        files = [_files(folders[name.casefold()]) if name.casefold() in folders else () for name in names]
        if all(files):
            jobs.append(StagingJob(image, tuple(file for part in files for file in part)))
        else:
            missing.append(image)
    return jobs, dict(rows_of), missing


def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(path for path in files_below(folder) if path.suffix.lower() == DICOM_SUFFIX)


def _classes(rows: Sequence[_Row]) -> dict[str, str]:
    """Class of an image and of each of its lesions: malignant if any row is."""
    class_of: dict[str, str] = {}
    for row in rows:
        for name in (row.image, row.lesion):
            class_of[name] = max(class_of.get(name, ""), row.class_name)
    return class_of


def _sources(
    jobs: Sequence[StagingJob],
    records: Sequence[Mapping[str, Any]],
    rows_of: Mapping[str, list[_Row]],
    staging: Path,
    *,
    keep_split: bool,
) -> list[SourceImage]:
    sources = []
    for job, record in zip(jobs, records, strict=True):
        class_of, row = _classes(rows_of[job.name]), rows_of[job.name][0]
        split = row.split if keep_split else None
        for stem in sorted(set(record.values())):
            image, mask = (staging / folder / f"{stem}.png" for folder in ("images", "masks"))
            sources.append(SourceImage(stem, image, mask, class_of[stem], row.patient, split))
    left_out = [job.name for job, record in zip(jobs, records, strict=True) if not record]
    if left_out:
        logger.warning("cbis_ddsm: %d of %d images are left out: %s", len(left_out), len(jobs), listed(left_out))
    return sources


ADAPTERS = (
    Adapter(
        name="cbis_ddsm",
        tasks=("segmentation", "classification"),
        modality="mammography",
        content="3,103 mammograms of 1,566 patients with 3,568 benign or malignant masses, calcifications",
        licence="CC BY 3.0",
        home="https://www.cancerimagingarchive.net/collection/cbis-ddsm/",
        read=read,
        options={"num_channels": 1},
        group_source="patient_id of the tables",
        instructions="Fetch the images (164 GB) with the NBIA Data Retriever and the four tables from the page.",
    ),
)

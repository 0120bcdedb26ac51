"""PH2: photographs of moles through a dermoscope, with masks and diagnoses."""

from __future__ import annotations

import logging
import re
from collections import Counter
from pathlib import Path

from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.datasets.layout import find_root
from ssgnet_monai.data.image_files import ONE_CLASS, SourceImage, find_images, listed, stem_key, stem_of

logger = logging.getLogger(__name__)

TASKS = ("segmentation", "classification")
TABLE = "PH2_dataset.txt"
FOLDERS = ("PH2 Dataset images", "PH2_Dataset_images")
NAME = re.compile(r"IMD\d+", re.IGNORECASE)
NAME_COLUMN, CODE_COLUMN = "name", "clinical diagnosis"
# By the table's codes 0, 1, 2.
CLASSES = {
    "diagnosis": ("common_nevus", "atypical_nevus", "melanoma"),
    "melanoma": ("nevus", "nevus", "melanoma"),
}
NUMBERS = (80, 80, 40)


def read(source: Path, staging: Path, task: str = "segmentation", classes: str | None = None) -> list[SourceImage]:
    """Read ``IMD003/IMD003_Dermoscopic_Image/IMD003.bmp``, ``IMD003/IMD003_lesion/IMD003_lesion.bmp`` and the table.

    The masks of colours (``IMD003_roi``) and ``PH2_dataset.xlsx`` are passed by. No patients are known, and there is no
    official split.

    Args:
        source: the owner's folder, unpacked from its RAR archive.
        staging: not used.
        task: "segmentation" or "classification".
        classes: "diagnosis" (common nevus, atypical nevus, melanoma; for classification the default) or "melanoma"
            (nevus, melanoma); None: one class.

    Raises:
        FileNotFoundError: another layout.
        ValueError: unknown options, images without mask or row, rows without image, or a table of another form.
    """
    if task not in TASKS or classes not in (None, *CLASSES):
        raise ValueError(
            f"Expected task {' or '.join(TASKS)} and classes out of {sorted(CLASSES)}, got {task!r} and {classes!r}."
        )
    classes = classes or ("diagnosis" if task == "classification" else None)
    root, parts = find_root(source, *[(TABLE, folder) for folder in FOLDERS], dataset="ph2")
    cases = next(parts[folder] for folder in FOLDERS if folder in parts)
    codes = _read_table(parts[TABLE])
    found = {stem_key(path): path for path in find_images(cases) if path.parent.parent.parent == cases}
    stems = {key for key, path in found.items() if path.parent.name.lower().endswith("_image")}
    if odd := sorted(stems ^ set(codes)):
        raise ValueError(
            f"Expected a row of {TABLE} for every image and an image for every row, found {len(odd)} without: "
            f"{listed(odd)}. Unpack the whole archive again."
        )
    if without := sorted(stem for stem in stems if f"{stem}_lesion" not in found):
        raise ValueError(
            f"Expected a mask NAME_lesion.bmp for every image in {root}, found none for {len(without)}: "
            f"{listed(without)}. Unpack the whole archive again."
        )
    counts = tuple(Counter(codes.values())[code] for code in range(len(NUMBERS)))
    if counts != NUMBERS:
        logger.warning("ph2: the owner's archive has %s images by diagnosis, this folder %s.", NUMBERS, counts)
    return [
        SourceImage(
            stem_of(found[stem]),
            found[stem],
            found[f"{stem}_lesion"] if task == "segmentation" else None,
            CLASSES[classes][codes[stem]] if classes else ONE_CLASS,
        )
        for stem in sorted(stems)
    ]


def _read_table(path: Path) -> dict[str, int]:
    """The diagnosis code of each image; the table ends at the first row that names none (legends follow)."""
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    rows = [[cell.strip() for cell in line.strip().strip("|").split("||")] for line in lines if "||" in line]
    names = [[cell.lower() for cell in row] for row in rows]
    start = next((i for i, row in enumerate(names) if {NAME_COLUMN, CODE_COLUMN} <= set(row)), None)
    if start is None:
        raise ValueError(
            f"Expected a header with Name and Clinical Diagnosis, fields parted by ||, in {path}, got "
            f"{lines[0] if lines else 'an empty file'!r}."
        )
    header, codes = names[start], {}
    for row in rows[start + 1 :]:
        cells = dict(zip(header, row, strict=False))
        if not NAME.fullmatch(cells[NAME_COLUMN]):
            break
        stem, code = stem_key(cells[NAME_COLUMN]), cells.get(CODE_COLUMN)
        if len(row) != len(header) or code not in ("0", "1", "2") or stem in codes:
            raise ValueError(
                f"Expected each image once, {len(header)} fields and a diagnosis 0, 1 or 2 in {path}, got {row}."
            )
        codes[stem] = int(code)
    return codes


ADAPTERS = (
    Adapter(
        name="ph2",
        tasks=TASKS,
        modality="dermoscopy",
        content="200 photographs of moles with masks: 80 common nevi, 80 atypical nevi, 40 melanomas",
        licence="research and education only",
        home="https://www.fc.up.pt/addi/ph2%20database.html",
        read=read,
        options={"class_order": ("common_nevus", "atypical_nevus", "nevus", "melanoma", ONE_CLASS)},
        instructions="Download PH2Dataset.rar from the owner's page and unpack it (`unrar x`, or 7-Zip). "
        "It must not be passed on.",
    ),
)

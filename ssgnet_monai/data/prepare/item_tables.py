"""What is known about each image beside its pixels: class and group, from folders, a CSV file or the file name."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Sequence
from pathlib import Path

from ssgnet_monai.data.image_files import ONE_CLASS, ImagePair, listed, stem_key
from ssgnet_monai.data.text_file import read_text

logger = logging.getLogger(__name__)

SPLIT_FOLDERS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
CLASS_COLUMNS = ("class", "label", "diagnosis")
GROUP_COLUMNS = ("group", "patient", "patient_id", "lesion_id")


def read_classes(pairs: Sequence[ImagePair], classes: str | Path | None, image_folder: Path) -> dict[str, str]:
    """Class of every stem.

    Args:
        pairs: the images.
        classes: None (one class, called ``all``), ``"folders"`` (the sub-folders of ``image_folder``), or a CSV file of
            stem and class; ``file.csv:column`` names the column.
        image_folder: where the class folders lie.

    Returns:
        ``{stem: class}``.

    Raises:
        ValueError: images without class, class folders without images, one class only, names unfit for folders.
    """
    if classes is None:
        return {pair.stem: ONE_CLASS for pair in pairs}
    if str(classes) == "folders":
        table = _from_folders(pairs, image_folder)
    else:
        table = _from_csv(pairs, classes, CLASS_COLUMNS, "class")
    names = sorted(set(table.values()))
    unfit = [name for name in names if not re.fullmatch(r"\w[\w .+-]*", name) or name == ONE_CLASS]
    if unfit:
        raise ValueError(
            f"Expected class names of letters, digits, space, '.', '+', '-', '_', other than {ONE_CLASS!r}, got "
            f"{unfit}. Results lie in folders of these names; rename the classes."
        )
    if len(names) < 2:
        raise ValueError(f"Expected at least two classes, found only {names} in {classes}. Leave the classes out.")
    return table


def read_groups(pairs: Sequence[ImagePair], groups: str | Path | None) -> dict[str, str]:
    """Group (patient, lesion, sequence) of every stem; images of a group never part company in a split.

    Args:
        pairs: the images.
        groups: None (unknown), a CSV file of stem and group (``file.csv:column`` names the column), or a regular
            expression with one capture group, searched in the stem.

    Returns:
        ``{stem: group}``, empty when unknown.

    Raises:
        ValueError: images without group, an expression that cannot be used.
    """
    if groups is None:
        return {}
    if _csv_and_column(groups)[0].is_file() or str(groups).lower().endswith(".csv"):
        return _from_csv(pairs, groups, GROUP_COLUMNS, "group")
    try:
        expression = re.compile(str(groups))
    except re.error as error:
        raise ValueError(f"Expected a CSV file or a regular expression of groups, got {groups!r}: {error}.") from error
    if expression.groups != 1:
        raise ValueError(
            f"Expected a regular expression with one capture group, got {expression.groups} in {groups!r}. "
            r"Use for example '^(person\d+)'."
        )
    matches = {pair.stem: expression.search(pair.stem) for pair in pairs}
    without = [stem for stem, match in matches.items() if match is None or not match[1]]
    if without:
        raise ValueError(
            f"Expected {groups!r} to find a group in every stem, found none in {len(without)} of {len(pairs)}: "
            f"{listed(without)}. Widen the expression or use a CSV file."
        )
    return {stem: match[1] for stem, match in matches.items() if match is not None}


def _from_folders(pairs: Sequence[ImagePair], image_folder: Path) -> dict[str, str]:
    table = {}
    for pair in pairs:
        parts = pair.image.relative_to(image_folder).parts
        if len(parts) < 2:
            raise ValueError(
                f"Expected every image in a class folder, found {pair.image.name} directly in {image_folder}. "
                "Move it into one, or give a CSV file of stem,class."
            )
        table[pair.stem] = parts[0]
    if {name.lower() for name in table.values()} <= SPLIT_FOLDERS:
        raise ValueError(
            f"Expected class folders in {image_folder}, found splits: {sorted(set(table.values()))}. Put the class "
            "folders of all splits side by side, or give a CSV file of stem,class; the split is made anew."
        )
    hidden = (".", "__")
    folders = {path.name for path in sorted(image_folder.iterdir()) if path.is_dir()}
    empty = sorted(name for name in folders - set(table.values()) if not name.startswith(hidden))
    if empty:
        raise ValueError(
            f"Expected images in every class folder of {image_folder}, found none in {empty}. Remove these folders."
        )
    return table


def _csv_and_column(source: str | Path) -> tuple[Path, str | None]:
    path = Path(source)
    if not path.is_file() and ":" in str(source):
        file, _, column = str(source).rpartition(":")
        return Path(file), column
    return path, None


def _from_csv(pairs: Sequence[ImagePair], source: str | Path, columns: Sequence[str], kind: str) -> dict[str, str]:
    path, column = _csv_and_column(source)
    if not path.is_file():
        raise FileNotFoundError(f"Expected a CSV file of stem and {kind}, found none at {path}.")
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(read_text(path)))]
    rows = [row for row in rows if any(row)]
    if not rows or min(len(row) for row in rows) < 2:
        raise ValueError(f"Expected at least two columns (stem, {kind}) separated by commas in every row of {path}.")
    stems = {stem_key(pair.image): pair.stem for pair in pairs}
    place = 1
    if stem_key(rows[0][0]) not in stems:
        header = [name.lower() for name in rows.pop(0)]
        wanted = (column.lower(),) if column else columns
        place = next((header.index(name) for name in wanted if name in header), 1)
        if column and column.lower() not in header:
            raise ValueError(f"Expected a column {column!r} in {path}, found {header}.")
    table: dict[str, str] = {}
    for row in rows:
        stem = stems.get(stem_key(row[0]))
        if stem is None or place >= len(row) or not row[place]:
            continue
        if table.setdefault(stem, row[place]) != row[place]:
            raise ValueError(f"Expected one {kind} for {stem} in {path}, got {table[stem]!r} and {row[place]!r}.")
    missing = [pair.stem for pair in pairs if pair.stem not in table]
    if missing:
        raise ValueError(
            f"Expected a {kind} for every image in {path}, found none for {len(missing)} of {len(pairs)}: "
            f"{listed(missing)}. Add rows 'stem,{kind}' (the stem is the file name without extension)."
        )
    if len(rows) > len(table):
        others = len(rows) - len(table)
        logger.info("%s: %d of %d rows speak of images that are not here.", path.name, others, len(rows))
    return table

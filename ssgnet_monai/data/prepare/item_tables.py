"""What is known about each image beside its pixels: class and group, from folders, a CSV file or the file name."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ssgnet_monai.data.image_files import ONE_CLASS, ImagePair, listed, stem_of
from ssgnet_monai.data.names import is_fit_name, look_alikes, plain_name, plain_number
from ssgnet_monai.data.prepare.image_table import ImageTable, is_missing, one_hot, table_and_column

logger = logging.getLogger(__name__)

SPLIT_BEGINNINGS = {
    "training": ("train", "training"),
    "validation": ("val", "valid", "validation", "dev", "eval"),
    "test": ("test", "testing", "holdout"),
    "fold": ("fold",),
    "labeled": ("labeled", "labelled"),
    "unlabeled": ("unlabeled", "unlabelled"),
}
CLASS_COLUMNS = (
    ("class", "classname", "category", "diagnosis", "dx", "diag", "pathology", "labelname", "label", "labels",
     "classlabel", "classid", "target"),
)  # fmt: skip
# A lesion counts where no patient is named: the images of a patient belong together.
GROUP_COLUMNS = (
    ("group", "groupid", "patient", "patientid", "patientname", "patientnumber", "patientno", "pid", "subject",
     "subjectid", "participant", "participantid", "person", "personid", "case", "caseid", "mrn"),
    ("lesion", "lesionid", "sequence", "sequenceid", "video", "videoid"),
)  # fmt: skip
SPLIT_COLUMNS = (("split", "splits", "set", "subset", "partition", "part", "phase", "usage"),)
UNKNOWN_GROUPS = ("unknown", "unk")
MANY_CLASSES = 8


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
    unfit = [name for name in names if not is_fit_name(name) or name == ONE_CLASS]
    if unfit:
        raise ValueError(
            f"Expected class names of letters, digits, space, '.', '+', '-', '_', other than {ONE_CLASS!r}, got "
            f"{unfit}. Results lie in folders of these names; rename the classes."
        )
    if same := look_alikes(names):
        raise ValueError(
            "Expected classes that differ in more than case, spaces, signs or the form of a number, got "
            f"{' and '.join(map(repr, same[0]))} in {classes}. Give them one name, or names that differ."
        )
    if len(names) == len(pairs) >= MANY_CLASSES:
        raise ValueError(
            f"Expected classes of several images, got a class of its own for each of {len(pairs)} images in {classes}: "
            f"{listed(names)}. Name the column that holds the classes: FILE.csv:COLUMN."
        )
    if len(names) < 2:
        raise ValueError(f"Expected at least two classes, found only {names} in {classes}. Leave the classes out.")
    return table


def read_groups(
    pairs: Sequence[ImagePair], groups: str | Path | None, unlabeled: Sequence[ImagePair] = ()
) -> dict[str, str]:
    """Group (patient, lesion, sequence) of every stem; images of a group never part company in a split.

    Args:
        pairs: the images.
        groups: None (unknown), a CSV file of stem and group (``file.csv:column`` names the column), or a regular
            expression with one capture group, searched in the stem.
        unlabeled: further images, looked up by the names of their files.

    Returns:
        ``{stem: group}``, empty when unknown.

    Raises:
        ValueError: images without group, an expression that cannot be used.
    """
    if groups is None:
        return {}
    by_file = [replace(pair, stem=plain_name(stem_of(pair.image))) for pair in unlabeled]
    find = _in_table if is_table(groups) else _by_expression
    found = find(pairs, groups)
    others = find(by_file, groups) if by_file else {}
    found |= {pair.stem: others[own.stem] for pair, own in zip(unlabeled, by_file, strict=True)}
    return _one_spelling(found) if is_table(groups) else found


def _in_table(pairs: Sequence[ImagePair], groups: str | Path) -> dict[str, str]:
    return dict(_from_csv(pairs, groups, GROUP_COLUMNS, "group"))


def _by_expression(pairs: Sequence[ImagePair], groups: str | Path) -> dict[str, str]:
    try:
        expression = re.compile(plain_name(str(groups)))
    except re.error as error:
        raise ValueError(f"Expected a CSV file or a regular expression of groups, got {groups!r}: {error}.") from error
    if expression.groups != 1:
        raise ValueError(
            f"Expected a regular expression with one capture group, got {expression.groups} in {groups!r}. "
            r"Use for example '^(person\d+)'."
        )
    matches = {pair.stem: expression.search(plain_name(pair.stem)) for pair in pairs}
    without = [stem for stem, match in matches.items() if match is None or not match[1]]
    if without:
        raise ValueError(
            f"Expected {groups!r} to find a group in every stem, found none in {len(without)} of {len(pairs)}: "
            f"{listed(without)}. Widen the expression or use a CSV file."
        )
    return {stem: match[1] for stem, match in matches.items() if match is not None}


def read_splits(pairs: Sequence[ImagePair], splits: str | Path | None, *, complete: bool = False) -> dict[str, str]:
    """Split of every stem, as its owner has it.

    Args:
        pairs: the images.
        splits: None (unknown), or a CSV file of stem and split (``file.csv:column`` names the column): training,
            validation, test or unlabeled, or what these are usually called (train, val, ...).
        complete: whether there is to be no other validation and test than those of the table.

    Returns:
        ``{stem: split}``, empty when unknown; without those in training where a validation or test is missing,
        since it is drawn from them.

    Raises:
        ValueError: images without split, or words that name none.
    """
    if splits is None:
        return {}
    found = _from_csv(pairs, splits, SPLIT_COLUMNS, "split")
    known = {word: _split_of(word) for word in set(found.values())}
    wrong = sorted(
        word for word, split in known.items() if split not in ("training", "validation", "test", "unlabeled")
    )
    if wrong:
        raise ValueError(
            f"Expected training, validation, test or unlabeled for every image in {splits}, got {listed(wrong)}, such "
            f"as for {next(stem for stem, word in found.items() if word == wrong[0])}. Name the column that holds the "
            "splits (FILE.csv:COLUMN), or write one of these words."
        )
    whole = complete or {"validation", "test"} <= set(known.values())
    return {stem: str(known[word]) for stem, word in found.items() if whole or known[word] != "training"}


def _from_folders(pairs: Sequence[ImagePair], image_folder: Path) -> dict[str, str]:
    table: dict[str, str] = {}
    spellings: dict[str, set[str]] = {}
    for pair in pairs:
        parts = pair.image.relative_to(image_folder).parts
        if len(parts) < 2:
            raise ValueError(
                f"Expected every image in a class folder, found {pair.image.name} directly in {image_folder}. "
                "Move it into one, or give a CSV file of stem,class."
            )
        table[pair.stem] = plain_name(parts[0])
        spellings.setdefault(table[pair.stem], set()).add(parts[0])
    for name, folders in spellings.items():
        if len(folders) > 1:
            raise ValueError(
                f"Expected one folder for class {name!r} in {image_folder}, found {len(folders)} whose names differ in "
                f"spaces or the coding of accents: {', '.join(ascii(folder) for folder in sorted(folders))}. Put their "
                "images into one."
            )
    if splits := split_folders(spellings):
        raise ValueError(
            f"Expected class folders in {image_folder}, found splits: {splits}. Put the class folders of all splits "
            "side by side, or give a CSV file of stem,class; the split is made anew."
        )
    hidden = (".", "__")
    folders = {plain_name(path.name) for path in sorted(image_folder.iterdir()) if path.is_dir()}
    empty = sorted(name for name in folders - set(spellings) if not name.startswith(hidden))
    if empty:
        raise ValueError(
            f"Expected images in every class folder of {image_folder}, found none in {empty}. Remove these folders."
        )
    return table


def split_folders(names: Iterable[str]) -> list[str]:
    """Folders that are called as splits are (``train``, ``Training_Set``, ``x_val``, ``x_train``), or none.

    Two kinds of such names are splits, and so are all names, but one among others (``test tube``) or several tests
    (``test positive``, ``test negative``) are none.
    """
    names = sorted(names)
    begins = [names[0][: sign.end()] for sign in re.finditer(r"[\W_]", names[0])] if names else []
    common = max((begin for begin in begins if all(name.startswith(begin) for name in names)), default="", key=len)
    kinds = {name: kind for name in names if (kind := _split_of(name) or _split_of(name.removeprefix(common)))}
    found, all_of_them = set(kinds.values()), kinds.keys() == set(names)
    return sorted(kinds) if len(found) > 1 or (all_of_them and (found != {"test"} or len(kinds) == 1)) else []


def _split_of(name: str) -> str | None:
    word = re.match(r"[\W\d_]*([A-Z]?[a-z]+|[A-Z]+)", name)
    begins = re.sub("(set|data|images|imgs)$", "", word[1].casefold()) if word else ""
    return next((kind for kind, words in SPLIT_BEGINNINGS.items() if begins in words), None)


def is_table(source: str | Path) -> bool:
    """Whether groups are given as a CSV file, not as an expression."""
    path, _ = table_and_column(source)
    return path.is_file() or path.suffix.lower() == ".csv"


def _from_csv(
    pairs: Sequence[ImagePair], source: str | Path, columns: Sequence[Sequence[str]], kind: str
) -> dict[str, str]:
    path, name = table_and_column(source)
    table = ImageTable(path, pairs, kind, [known for tier in columns for known in tier])
    place = table.known_column(columns) if name is None else table.named(name)
    if place is not None:
        found: Mapping[str, tuple[int, str]] = table.values(place)
    else:
        found = _without_known_column(table, kind)
    missing = (*UNKNOWN_GROUPS,) if kind == "group" else ()
    named = {stem: cell for stem, (_, cell) in found.items() if not is_missing(cell) and cell.casefold() not in missing}
    without = [pair.stem for pair in pairs if pair.stem not in named]
    if without:
        rows = [f"{stem} (row {found[stem][0]}: {found[stem][1]!r})" if stem in found else stem for stem in without]
        raise ValueError(
            f"Expected a {kind} for every image in {path}, found none for {len(without)} of {len(pairs)}: "
            f"{listed(rows)}. Fill in these cells or add rows 'stem,{kind}' (the stem is the file name without "
            "extension), or take these images out of the folder."
        )
    if len(table.rows) > len(named):
        others = len(table.rows) - len(named)
        logger.info("%s: %d of %d rows speak of images that are not here.", path.name, others, len(table.rows))
    return named


def _without_known_column(table: ImageTable, kind: str) -> Mapping[str, tuple[int, str]]:
    places = table.unknown_columns()
    if kind == "class" and (found := one_hot(table, places)) is not None:
        logger.info(
            "%s: the columns %s hold one 1 in each row: they are the classes.",
            table.path.name,
            listed(table.columns[place] for place in places),
        )
        return found
    known = {"class": CLASS_COLUMNS, "group": GROUP_COLUMNS, "split": SPLIT_COLUMNS}[kind]
    raise ValueError(
        f"Expected a column called {', '.join(known[0][:5])} or the like for the {kind} in {table.path}, found the "
        f"columns {table.columns}. Name the one that holds it: {table.path.name}:COLUMN"
        + (", or make one column of several that hold 0 and 1." if kind == "class" else ".")
    )


def _one_spelling(groups: dict[str, str]) -> dict[str, str]:
    """Groups that differ in case or as numbers are written alone are one: to keep images together is the safe side."""
    first: dict[str, str] = {}
    return {stem: first.setdefault(plain_number(group.casefold()), group) for stem, group in groups.items()}

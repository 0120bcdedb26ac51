"""Lists of cases, one name a line, by which publications split a dataset."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from ssgnet_monai.data.image_files import listed
from ssgnet_monai.data.text_file import read_text

logger = logging.getLogger(__name__)

ROLES = {
    **dict.fromkeys(("train", "training"), "training"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
SUFFIXES = (".list", ".txt")
Lists = str | Path | Mapping[str, str]


def split_by_lists(
    lists: Lists | None,
    source: Path,
    cases: Collection[str],
    dataset: str,
    case_of: Callable[[str], str] = str,
    withdrawn: Collection[str] = (),
) -> dict[str, str | None]:
    """The cases to use and their split.

    Without a validation list, the training cases have no fixed split: a validation is drawn from them, since nothing
    is ever chosen by the test cases. An empty validation list says that there is none: trainings then end with their
    last weights.

    Args:
        lists: a folder with ``train``, ``test`` and perhaps ``val`` (``.list`` or ``.txt``), or
            ``{"train": file, ...}``; relative paths are looked for as given and then in ``source``. None: all cases,
            without a split.
        source: the dataset's folder.
        cases: names of the cases that are there.
        dataset: for messages.
        case_of: the name of the case in a line of a list.
        withdrawn: cases that lists may name though they are not there.

    Returns:
        ``{case: split or None}`` of the cases that the lists name, in the order of ``cases``.

    Raises:
        FileNotFoundError: no such folder or file, or one without train and test lists.
        ValueError: lists that name a case twice or one that is not there.
    """
    if lists is None:
        return dict.fromkeys(cases)
    known = {case.casefold(): case for case in cases}
    split_of: dict[str, str] = {}
    files = _files(lists, source)
    for role, file in sorted(files.items()):
        lines = [line.strip() for line in read_text(file).splitlines()]
        names = [case_of(line) for line in lines if line]
        absent = [name for name in names if name.casefold() not in known]
        gone = [name for name in absent if name in withdrawn]
        if gone:
            logger.warning(
                "%s: %s (%s) names %s, withdrawn by the owner: %d cases remain of %d.",
                dataset, file.name, role, listed(gone), len(names) - len(gone), len(names),
            )  # fmt: skip
        if missing := [name for name in absent if name not in withdrawn]:
            raise ValueError(
                f"Expected cases of {source} in {file}, got {len(missing)} of {len(names)} that are not there: "
                f"{listed(missing)}. Complete the download, or take them off a copy of the list."
            )
        for case in (known[name.casefold()] for name in names if name not in gone):
            if case in split_of:
                raise ValueError(
                    f"Expected every case once in the lists, got {case} in {file} ({role}) and before "
                    f"({split_of[case]}). Remove it from one of them."
                )
            split_of[case] = role
    if left := [case for case in cases if case not in split_of]:
        logger.warning("%s: %d cases are on no list and are left out: %s.", dataset, len(left), listed(left))
    fixed = "validation" in files
    counts = {role: list(split_of.values()).count(role) for role in dict.fromkeys(ROLES.values())}
    logger.info(
        "%s: the lists name %s.%s",
        dataset, counts, "" if fixed else " The validation is drawn from the training cases.",
    )  # fmt: skip
    return {
        case: split_of[case] if fixed or split_of[case] != "training" else None for case in cases if case in split_of
    }


def _files(lists: Lists, source: Path) -> dict[str, Path]:
    """The list of each role."""
    if isinstance(lists, Mapping):
        named = [(name, _there(path, source)) for name, path in lists.items()]
    else:
        folder = _there(lists, source)
        if not folder.is_dir():
            raise FileNotFoundError(
                f"Expected a folder of lists, got the file {folder}. Name its folder, or each list: "
                "lists='{train: FILE, test: FILE}'."
            )
        named = [(path.stem, path) for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]
        named = [(name, path) for name, path in named if name.lower() in ROLES]
    files: dict[str, Path] = {}
    for name, path in named:
        if name.lower() not in ROLES:
            raise ValueError(f"Expected lists of {sorted(ROLES)}, got one of {name!r}.")
        other = files.setdefault(ROLES[name.lower()], path)
        if other is not path:
            raise ValueError(
                f"Expected one list of a kind, got {other} and {path}. Name one: lists='{{train: FILE, ...}}'."
            )
    if not {"training", "test"} <= set(files):
        raise FileNotFoundError(
            f"Expected train and test lists ({', '.join(f'train{s}' for s in SUFFIXES)}) in {lists}, found "
            f"{listed(sorted(files.values())) or 'none'}. Name them: lists='{{train: FILE, test: FILE}}'."
        )
    return files


def _there(path: str | Path, source: Path) -> Path:
    for place in (Path(path).expanduser(), source / path):
        if place.exists():
            return place
    raise FileNotFoundError(f"Expected lists at {path} (as given, or in {source}), found nothing. Check lists=PATH.")

"""Names that people give: classes and groups, compared and written in one form whatever system they come from."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

JOINERS = "\u200c\u200d"  # Persian and Indian spelling puts them between letters
EXTRA_LETTERS = frozenset(" .+-_" + JOINERS)


def plain_name(text: str) -> str:
    """A name without surrounding spaces, Unicode-normalised (NFC): Macs write accents as letters of their own."""
    return unicodedata.normalize("NFC", text).strip()


def nearest(name: str, known: Iterable[str]) -> str:
    """``" Did you mean 'steps'?"`` for a message, or nothing where no known name is near."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f" Did you mean {near[0]!r}?" if near else ""


def is_fit_name(name: str) -> bool:
    """Whether a name can be that of a folder: letters with their marks, digits and ``" .+-_"``, no sign at first."""
    return bool(name) and (name[0].isalnum() or name[0] == "_") and all(map(_is_letter, name))


def folder_name(name: str) -> str:
    """A name as folders and stages have it: everything but letters, digits, ``.``, ``-`` and ``_`` becomes ``_``."""
    kept = (letter if _is_letter(letter) and letter not in " +" else " " for letter in name)
    return re.sub(" +", "_", "".join(kept))


def plain_number(name: str) -> str:
    """A whole number as tables mix them, ``007``, ``7`` or ``7.0``, in its shortest form; other names as they are."""
    number = re.fullmatch(r"0*(\d+)(\.0*)?", name)
    return number[1] if number else name


def look_alikes(names: Iterable[str]) -> list[list[str]]:
    """Names that share a folder or differ in case, spaces, underscores or as numbers alone, in sorted lists."""
    by_key: dict[str, set[str]] = {}
    for name in names:
        plain = re.sub(f"[{JOINERS}]", "", plain_name(name)).casefold()
        by_key.setdefault(re.sub("_+", "_", folder_name(plain_number(plain))), set()).add(name)
    return [sorted(same) for same in by_key.values() if len(same) > 1]


def _is_letter(letter: str) -> bool:
    return letter.isalnum() or letter in EXTRA_LETTERS or unicodedata.category(letter).startswith("M")

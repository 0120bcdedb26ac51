"""Finding the parts of an owner's folder, however often it was unpacked into itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ssgnet_monai.data.image_files import OTHER_NAMES, listed

DEPTH = 3


def find_root(source: Path, *layouts: Sequence[str], dataset: str) -> tuple[Path, dict[str, Path]]:
    """The folder nearest to ``source`` that holds all entries of a layout; names are compared without case.

    Archives unpack into a folder of their own name, sometimes doubled, and copies hold the data twice: of several
    folders that fit, the outermost is taken.

    Args:
        source: where to begin; up to three levels below are searched.
        layouts: names of files or folders that lie side by side (``a/b``: b in a); the first layout that is found
            wins.
        dataset: for the message.

    Returns:
        (the folder, its entries by the layout's names).

    Raises:
        FileNotFoundError: no folder fits; the message lists the layouts and what lies in ``source``.
    """
    for layout in layouts:
        for folder in _folders(source):
            found = {name: entry for name in layout if (entry := _entry(folder, name))}
            if len(found) == len(layout):
                return folder, found
    wanted = " or ".join("{" + ", ".join(layout) + "}" for layout in layouts)
    raise FileNotFoundError(
        f"Expected {wanted} in {source} or up to {DEPTH} folders below it ({dataset}), found "
        f"{listed(sorted(source.iterdir())) or 'an empty folder'}. Unpack the owner's archive there, or name its "
        "folder."
    )


def _entry(folder: Path, name: str) -> Path | None:
    """What is called so in a folder, whatever the case of its letters."""
    first, _, rest = name.partition("/")
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    entry = next((entry for entry in entries if entry.name.casefold() == first.casefold()), None)
    return _entry(entry, rest) if entry and rest else entry


def _folders(source: Path) -> Iterator[Path]:
    """The folder and those below it, level by level, sorted; without side files of archives and systems."""
    level, seen = [source], set()
    for _ in range(DEPTH + 1):
        level = [folder for folder in level if folder.resolve() not in seen]
        seen |= {folder.resolve() for folder in level}
        yield from level
        below = [entry for folder in level for entry in sorted(folder.iterdir()) if entry.is_dir()]
        level = [entry for entry in below if entry.name.lower() not in OTHER_NAMES and entry.name[0] != "."]

"""All files below a folder, links included, as their owners laid them out."""

from __future__ import annotations

from pathlib import Path

from ssgnet_monai.data.image_files import OTHER_NAMES


def files_below(folder: Path) -> list[Path]:
    """The files in a folder and below, level by level, sorted; links to folders are followed, each folder once.

    Args:
        folder: where to look; none are found where it does not exist.

    Returns:
        The outermost first, without side files of archives and systems.
    """
    found: list[Path] = []
    seen: set[Path] = set()
    level = [folder]
    while level:
        places = [place for place in level if place.is_dir()]
        level = []
        for place in places:
            if (real := place.resolve()) in seen:
                continue
            seen.add(real)
            for entry in sorted(place.iterdir()):
                if not entry.name.startswith(".") and entry.name.lower() not in OTHER_NAMES:
                    (found if entry.is_file() else level).append(entry)
    return found

"""The file name under which a viewer keeps a downloaded study."""

from __future__ import annotations

import hashlib
from pathlib import Path

LETTERS = str.maketrans("0123456789abcdef", "ghijklmnopabcdef")


def viewer_name(path: Path, image: str) -> str:
    """A name without digits, of its own for each version of each file.

    3D Slicer keeps downloads in one folder and takes one that is there for the same file; its reader joins pictures
    whose names differ in a number alone to a stack.

    Args:
        path: file of the study.
        image: name of the study.
    """
    state = path.stat()
    digest = hashlib.sha256(f"{path}\0{state.st_mtime_ns}\0{state.st_size}".encode()).hexdigest()[:16]
    ending = path.name[len(image) :]
    return f"study_{digest.translate(LETTERS)}{ending}"

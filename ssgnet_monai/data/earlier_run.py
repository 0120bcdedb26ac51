"""What becomes of an earlier run's files when a training begins in its folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

RESUME = ("auto", "fresh", "never")
EARLIER = "earlier"


def check_resume(resume: str) -> str:
    """One of the words of ``resume``: "auto" goes on, "fresh" sets aside and begins anew, "never" refuses.

    Raises:
        ValueError: another word.
    """
    if resume not in RESUME:
        raise ValueError(f"Expected resume 'auto', 'fresh' or 'never', got {resume!r}.")
    return resume


def set_aside(folder: str | Path, names: Iterable[str] | None = None) -> None:
    """Move files and folders into the subfolder ``earlier``, in place of what an earlier call moved there.

    Args:
        folder: need not exist.
        names: what to move, as far as it is there; None: all but hidden files, such as the lock of the folder.
    """
    folder = Path(folder)
    names = sorted(path.name for path in folder.glob("[!.]*")) if names is None else names
    found = [name for name in names if name != EARLIER and (folder / name).exists()]
    if not found:
        return
    shutil.rmtree(folder / EARLIER, ignore_errors=True)
    (folder / EARLIER).mkdir()
    for name in found:
        (folder / name).rename(folder / EARLIER / name)

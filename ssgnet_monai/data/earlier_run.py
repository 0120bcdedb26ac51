"""What becomes of an earlier run's files when a training begins in its folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

RESUME = ("auto", "fresh", "never")
EARLIER = "earlier"
UNFINISHED = ".earlier"
"""Where everything is gathered before it takes the place of what was set aside before."""


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

    Killed at any moment, it has lost nothing: the same call goes on, and ``half_set_aside`` tells that it has to.

    Args:
        folder: need not exist.
        names: what to move, as far as it is there; None: all but hidden files, such as the lock of the folder.
    """
    folder = Path(folder)
    names = sorted(path.name for path in folder.glob("[!.]*")) if names is None else names
    found = [name for name in names if name != EARLIER and (folder / name).exists()]
    if not found and not half_set_aside(folder):
        return
    (folder / UNFINISHED).mkdir(exist_ok=True)
    for name in found:
        (folder / name).rename(folder / UNFINISHED / name)
    if (folder / EARLIER).exists():
        shutil.rmtree(folder / EARLIER)
    (folder / UNFINISHED).rename(folder / EARLIER)


def half_set_aside(folder: str | Path) -> bool:
    """Whether ``set_aside`` was stopped in ``folder``: what is left there belongs to the earlier run too."""
    return (Path(folder) / UNFINISHED).exists()

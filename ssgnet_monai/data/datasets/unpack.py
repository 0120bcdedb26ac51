"""Unpacking zip and tar archives of strangers: plain files and folders, below the target folder, or nothing at all."""

from __future__ import annotations

import lzma
import os
import re
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from tqdm import tqdm

from ssgnet_monai.data.atomic_write import fsync_folder

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
MAX_RATIO = 100
"""Most bytes that a byte of an archive may unpack to; images stay below 20, a bomb of zeros reaches 1000."""
MAX_MEMBERS = 1_000_000
BLOCK = 2**20
REFUSED = "Nothing was unpacked; do not trust this archive."
UNREADABLE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError,
    RuntimeError, OSError,
)  # fmt: skip
# One entry: name, bytes (None for a folder), and how to open it.
Member = tuple[str, int | None, Callable[[], IO[bytes] | None]]


def archive_stem(name: str) -> str | None:
    """The name without the ending of an archive, or None for other files (``.npz`` is read as it is)."""
    ending = next((ending for ending in ENDINGS if name.lower().endswith(ending)), None)
    return name[: -len(ending)] if ending else None


def unpack_archive(archive: str | Path, folder: str | Path) -> Path:
    """Unpack beside the target and rename: the folder is whole, or not there.

    Args:
        archive: a zip or tar file, by its ending.
        folder: to make.

    Returns:
        The folder.

    Raises:
        FileExistsError: the folder is already there.
        ValueError: a damaged or encrypted archive, or one with an entry that leaves the folder (absolute, ``..``), is a
            link or device, or unpacks to far more than its own size.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.exists():
        raise FileExistsError(f"Expected to make {folder}, it is already there. Remove it to unpack {archive.name}.")
    half = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(half, ignore_errors=True)  # left by a kill
    try:
        half.mkdir(parents=True)
        _unpack(archive, half)
        os.replace(half, folder)
    except UNREADABLE as error:
        raise ValueError(
            f"Expected a whole archive and space to unpack it, got {type(error).__name__} ({error}) in {archive}. "
            "Make space, or remove the archive and download it again."
        ) from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
    fsync_folder(folder.parent)
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    most = archive.stat().st_size * MAX_RATIO
    total, seen = 0, set[str]()
    members = _zip_members(archive) if archive.name.lower().endswith(".zip") else _tar_members(archive)
    for number, (name, size, open_member) in enumerate(tqdm(members, desc=archive.name, unit="file", disable=None), 1):
        if PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor or ".." in re.split(r"[/\\]", name):
            raise ValueError(f"Expected entries below the archive's own folder, got {name!r} in {archive}. {REFUSED}")
        # Names that macOS or Windows, or a reader's eye, would take for one.
        key = unicodedata.normalize("NFKC", name.rstrip("/")).casefold()
        if size is not None and key in seen:
            raise ValueError(
                f"Expected files whose names differ, got {name!r} in {archive} beside one that differs in case or form "
                f"of letters alone. {REFUSED}"
            )
        if not name.isprintable():
            raise ValueError(f"Expected names without control characters, got {name!r} in {archive}. {REFUSED}")
        seen.add(key)
        total += size or 0
        if total > most or number > MAX_MEMBERS:
            raise ValueError(
                f"Expected at most {MAX_MEMBERS} files and {MAX_RATIO} times the bytes of {archive}, got more at "
                f"{name!r}. {REFUSED}"
            )
        content = None if size is None else open_member()
        if content is None:
            (folder / name).mkdir(parents=True, exist_ok=True)
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with content, open(folder / name, "xb") as file:
            shutil.copyfileobj(content, file, BLOCK)


def _zip_members(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as file:
        for entry in file.infolist():
            if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _special(entry.filename, archive)
            yield entry.filename, None if entry.is_dir() else entry.file_size, partial(file.open, entry)


def _tar_members(archive: Path) -> Iterator[Member]:
    with tarfile.open(archive) as file:
        for entry in file:
            if not (entry.isreg() or entry.isdir()):
                raise _special(entry.name, archive)
            yield entry.name, None if entry.isdir() else entry.size, partial(file.extractfile, entry)


def _special(name: str, archive: Path) -> ValueError:
    return ValueError(f"Expected files and folders only, got the link or device {name!r} in {archive}. {REFUSED}")

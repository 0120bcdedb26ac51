"""Files that are either whole or not there: write beside the target, flush to disk, rename."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary file path beside ``path``; on success it replaces ``path``, on error it is removed.

    The data and the folder entry are flushed to disk, so a kill or power cut leaves the old file or the new one.

    Args:
        path: the file to write. Its folder is created.

    Yields:
        The temporary path, with the same suffix as ``path``.

    Raises:
        OSError: the folder cannot be written, or the disk is full; ``path`` is what it was before.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise _not_written(path, error) from error
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if full := _disk_full(error):
            raise _not_written(path, full) from error
        raise
    fsync_folder(path.parent)


def fsync_folder(folder: str | Path) -> None:
    """Flush a folder's entries (a finished rename) to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: str | Path, content: Any) -> None:
    """Write ``content`` as indented JSON, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(
            json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
        )


def sha256_file(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _disk_full(error: BaseException | None) -> OSError | None:
    """The error of a full disk, which torch's and Pillow's writers hide behind their own."""
    while error is not None and not (isinstance(error, OSError) and error.errno in NO_SPACE):
        error = error.__cause__ or error.__context__
    return error


def _not_written(path: Path, error: OSError) -> OSError:
    folder = next(parent for parent in path.parents if parent.is_dir())
    free = shutil.disk_usage(folder).free / 2**20
    return OSError(
        error.errno,
        f"Expected to write {path.name}, got '{error.strerror}' in {folder} ({free:.1f} MiB free). What was there is "
        "unchanged. Make space or the folder writable, or choose another output_dir, and run the same command again",
    )


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current

"""One process at a time works in a folder."""

from __future__ import annotations

import errno
import fcntl
import logging
from pathlib import Path
from typing import IO

logger = logging.getLogger(__name__)
_held: dict[Path, IO[str]] = {}


def hold_folder(folder: str | Path, work: str) -> None:
    """Keep other processes out of ``folder`` until this one ends, however it ends; the same process may ask again.

    The kernel drops the lock with the process. Processes started by this one do not inherit it.

    Args:
        folder: created where it does not exist; receives an empty file ``.lock``.
        work: what the processes do there, for the message.

    Raises:
        RuntimeError: another process holds the folder.
    """
    path = Path(folder).absolute() / ".lock"
    if path in _held:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "a", encoding="utf-8")  # noqa: SIM115
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            logger.warning("%s cannot be locked (%s): start nothing else in it", folder, error)
            return
        raise RuntimeError(
            f"Expected {folder} to be free, another {work} is working in it. "
            "Wait for it, or choose another output_dir=FOLDER."
        ) from error
    _held[path] = file

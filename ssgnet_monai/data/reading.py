"""Which file each loader process is reading, so that its error, and even its death, can name the file."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.sharedctypes import RawArray
from typing import Any

from torch.utils.data import get_worker_info

SLOTS, SLOT_BYTES = 128, 1024
# Shared with the loader processes, which are forks of this one; a slot of each holds "pid path".
_slots = RawArray(ctypes.c_ubyte, SLOTS * SLOT_BYTES)


@contextmanager
def reading(item: Mapping[str, Any]) -> Iterator[None]:
    """Note the files of ``item`` as those that this loader process reads now.

    Args:
        item: paths under "image" and "label".

    Raises:
        RuntimeError: in place of any error inside, with the files' names.
    """
    files = ", ".join(str(item[key]) for key in ("image", "label") if key in item)
    _note(f"{os.getpid()} {files}")
    try:
        yield
    except Exception as error:
        told = error.__cause__ if str(error).startswith("applying transform") else None  # MONAI's own words say no more
        raise RuntimeError(
            f"Expected to read {files}, got: {told or error}. Mend the file or prepare the data again."
        ) from error
    finally:
        _note("")


def files_being_read() -> dict[int, str]:
    """Files by the process that reads them, or died over them."""
    content = bytes(_slots)
    notes = (content[start : start + SLOT_BYTES].rstrip(b"\0").decode() for start in range(0, len(content), SLOT_BYTES))
    pairs = (note.split(" ", 1) for note in notes if note)
    return {int(pid): files for pid, files in pairs}


def _note(text: str) -> None:
    worker = get_worker_info()
    if worker is not None:  # an error of this very process has a traceback
        start = worker.id % SLOTS * SLOT_BYTES
        note = text.encode("ascii", "backslashreplace")[:SLOT_BYTES]
        _slots[start : start + SLOT_BYTES] = list(note.ljust(SLOT_BYTES, b"\0"))

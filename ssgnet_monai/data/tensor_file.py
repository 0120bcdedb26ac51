"""Tensors on disk that notice damage: each file ends with the SHA-256 of what was written."""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path
from typing import Any

import torch

from ssgnet_monai.data.atomic_write import atomic_path

logger = logging.getLogger(__name__)
# torch writes a zip archive, whose last 22 bytes end with the length of its comment. The checksum is that comment: it
# is written and copied together with the tensors, and whatever reads zip archives or calls torch.load passes it by.
ARCHIVE, ARCHIVE_END, END_BYTES = b"PK\x03\x04", b"PK\x05\x06", 22
CHECKSUM = re.compile(rb"sha256=([0-9a-f]{64})")
CHECKSUM_BYTES = len("sha256=") + 64


def save_tensors(path: str | Path, content: Any) -> None:
    """``torch.save`` of tensors and plain numbers, atomically, with a checksum; ``torch.load`` reads it as any other.

    The same content gives the same bytes: handed a path, torch would write the temporary file's name into them.

    Args:
        path: the file to write. Its folder is created.
        content: what ``torch.load`` loads with ``weights_only=True``.
    """
    with atomic_path(path) as temporary, open(temporary, "w+b") as file:
        torch.save(content, file)
        file.seek(-2, 2)
        file.write(CHECKSUM_BYTES.to_bytes(2, "little"))
        file.seek(0)
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
        file.write(f"sha256={checksum}".encode())


def load_tensors(path: str | Path, map_location: torch.device | str = "cpu") -> Any:
    """``torch.load`` of tensors and plain numbers after a look at the file's checksum.

    Args:
        path: a file of ``save_tensors``, or of other software; for the latter the log says that nothing was checked.
        map_location: where the tensors go.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not what was written, or holds more than tensors and plain numbers.
    """
    check_tensors(path)
    try:
        return torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:  # other bytes raise whatever they lead to
        raise ValueError(
            f"Expected tensors that torch.save wrote in {path}, got {type(error).__name__}: "
            f"{str(error).partition(chr(10))[0]}. Save network.state_dict() with torch.save."
        ) from error


def check_tensors(path: str | Path) -> None:
    """Compare a file of tensors with the checksum at its end.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not what was written.
    """
    content = Path(path).read_bytes()
    found = CHECKSUM.fullmatch(content[-CHECKSUM_BYTES:])
    if found and hashlib.sha256(content[:-CHECKSUM_BYTES]).hexdigest().encode() == found[1]:
        return
    end = content[-END_BYTES:]
    whole = end.startswith(ARCHIVE_END) and end.endswith(b"\0\0")  # an archive without a comment
    if found or (content.startswith(ARCHIVE) and not whole):
        raise ValueError(
            f"Expected {path} as it was written, got other bytes: the file is damaged or was not copied to its end. "
            "Copy it again from where it came, or remove it and run the command that made it again."
        )
    logger.info("%s has no checksum, as other software wrote it: damage to it would go unnoticed", path)

"""Text files of others: tables and lists."""

from __future__ import annotations

from pathlib import Path


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, with or without a byte order mark; all line ends become line feeds.

    Raises:
        ValueError: another encoding.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"Expected text in UTF-8, got other bytes ({error.reason}) in {path}. Save it as UTF-8, as a spreadsheet "
            "does with 'CSV UTF-8'."
        ) from error

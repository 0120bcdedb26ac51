"""Reads a bundle's logging.conf: Python's logging module evaluates its `class`, `args` and `kwargs`."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from pathlib import Path

from ssgnet_monai.bundle_tools.config_screen import Finding

EVALUATED = ("class", "args", "kwargs", "defaults")
ALLOWED = {"class": ("StreamHandler", "logging.StreamHandler"), "args": ("(sys.stdout,)",)}


def screen_logging(file: Path) -> Iterator[Finding]:
    """List what a logging file would evaluate; only handlers that write to standard output pass.

    Args:
        file: file for ``logging.config.fileConfig``.

    Yields:
        The findings; a file that does not read is one finding, refused.
    """
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, configparser.Error) as error:
        yield Finding(file, "", "", f"it does not read as a logging file: {' '.join(str(error).split())}")
        return
    for section in parser.sections():
        is_handler = section.startswith("handler_")
        for field in EVALUATED:
            text = parser.get(section, field, fallback=None)
            if text is not None and not (is_handler and text in ALLOWED.get(field, ())):
                yield Finding(file, f"{section}::{field}", text, "only StreamHandler with args=(sys.stdout,) may be")
            elif text is not None:
                yield Finding(file, f"{section}::{field}", text, None)
            elif is_handler and field in ALLOWED:
                yield Finding(file, f"{section}::{field}", "", f"a handler needs {field}={ALLOWED[field][0]}")

"""What stands in a datalist beside its images: data of known kinds, never an expression of a config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SIGNS = ("$", "@", "%")
"""MONAI's config parser evaluates a text that begins so, or looks up what it names."""


def check_header(header: Mapping[str, Any], path: object) -> None:
    """Check the kinds of a datalist's fields; stages hand some of them to MONAI's config parser.

    Args:
        header: the datalist without its lists of images.
        path: the file named in messages.

    Raises:
        ValueError: a field of another kind, or a text that a config parser would evaluate.
    """
    channels = header.get("num_channels")
    if channels is not None and not (_is_number(channels) and isinstance(channels, int) and channels > 0):
        raise ValueError(f"Expected num_channels, a whole number from 1 on, in {path}, got {channels!r}.")
    for key in ("intensity_window", "voxel_window"):
        window = header.get(key)
        if window is not None and not (isinstance(window, list) and len(window) == 2 and all(map(_is_number, window))):
            raise ValueError(f"Expected {key}, two numbers, in {path}, got {window!r}.")
    spacing = header.get("voxel_spacing")
    lengths = isinstance(spacing, list) and all(_is_number(length) and length > 0 for length in spacing)
    if spacing is not None and not (lengths and len(spacing) == 3):
        raise ValueError(f"Expected voxel_spacing, three lengths in mm, in {path}, got {spacing!r}.")
    classes = header.get("classes")
    if classes is not None and not (isinstance(classes, list) and all(isinstance(name, str) for name in classes)):
        raise ValueError(f"Expected classes, a list of names, in {path}, got {classes!r}.")
    for where, text in _texts(header, ""):
        if text.startswith(SIGNS):
            raise ValueError(
                f"Expected no text that begins with {', '.join(SIGNS)} in {path}, got {where} {text!r}: MONAI's config "
                "parser evaluates such texts. Give it another name."
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(str(key), f"{where}.{key}".lstrip("."))
            yield from _texts(inner, f"{where}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{where}[{index}]")

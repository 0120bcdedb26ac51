"""Which items are one case (a picture, or all slices of a volume) and which cases are of one patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ssgnet_monai.data.image_files import is_volume
from ssgnet_monai.data.volumes.cut import slice_stem


def case_names(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """The case of every item: slices of one volume have one name, every other image its own.

    Args:
        items: of a datalist, or slices of ``slice_items``.
    """
    return [_case(item) for item in items]


def group_names(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """The group (patient) of every item; an item without one is in a group with its own case alone."""
    return [f"group {item['group']}" if item.get("group") is not None else f"case {_case(item)}" for item in items]


def _case(item: Mapping[str, Any]) -> str:
    path = Path(item["image"])
    if "slice" not in item or is_volume(path):
        return str(path)
    return str(path.with_name(path.stem.removesuffix(slice_stem("", int(item["slice"])))))

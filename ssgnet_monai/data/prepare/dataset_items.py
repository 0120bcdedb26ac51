"""From source images to the items of a datalist: names, classes, groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ssgnet_monai.data.image_files import SourceImage, stem_key


def check_stems(sources: Sequence[SourceImage]) -> None:
    """Refuse names under which two written files would be one.

    Raises:
        ValueError: two sources have one name.
    """
    by_key: dict[str, SourceImage] = {}
    for source in sources:
        other = by_key.setdefault(stem_key(source.stem), source)
        if other is not source:
            raise ValueError(
                f"Expected every name once, got {source.stem} for {other.image} and {source.image}. Written files go "
                "by these names; remove or rename one."
            )


def real_item(source: SourceImage, record: Mapping[str, Any]) -> dict[str, Any]:
    """A datalist item of a written image.

    Args:
        source: what its owner says of it.
        record: the written ``image`` and perhaps ``label``.
    """
    item = {"image": record["image"], "class": source.class_name, "origin": "real"}
    if source.class_name is None:
        del item["class"]
    if "label" in record:
        item["label"] = record["label"]
    if source.group is not None:
        item["group"] = source.group
    return item


def ordered_classes(sources: Sequence[SourceImage], order: Sequence[str] | None) -> list[str]:
    """The classes that occur, in a given order or sorted."""
    found = {source.class_name for source in sources if source.class_name is not None}
    return sorted(found) if order is None else [name for name in order if name in found]


def merged_groups(items: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]) -> list[str]:
    """One key per item: its group, joined with the groups that hold an identical image (``sha256`` of a record)."""
    keys = [f"group {item['group']}" if "group" in item else f"image {item['image']}" for item in items]
    parent = {key: key for key in keys}

    def root(key: str) -> str:
        while parent[key] != key:
            key = parent[key]
        return key

    first: dict[str, str] = {}
    for key, record in zip(keys, records, strict=True):
        one, other = sorted((root(key), root(first.setdefault(record["sha256"], key))))
        parent[other] = one
    return [root(key) for key in keys]

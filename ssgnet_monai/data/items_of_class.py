"""Items of a datalist for a classifier: the number of their class instead of a mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ssgnet_monai.data.datalist import ORIGINS


def class_items(datalist: Mapping[str, Any], split: str) -> list[dict[str, Any]]:
    """Items of one split with ``label``, the place of their class in the datalist's ``classes``; masks are left out.

    Args:
        datalist: as ``load_datalist`` returns it.
        split: "training", "validation" or "test".

    Returns:
        Items with ``image``, ``label`` (int), ``class``, ``origin`` and, where known, ``group``.

    Raises:
        ValueError: fewer than two classes, no item at all, an item without class, or a class without training images.
    """
    classes: Sequence[str] = datalist.get("classes") or []
    if len(classes) < 2:
        raise ValueError(
            f"Expected a datalist of two or more classes, got {list(classes)}. Prepare the dataset with --classes."
        )
    items = datalist[split]
    if not items:
        raise ValueError(f"Expected images in {split!r} of the datalist, got an empty list. Prepare the dataset again.")
    unknown = [item["image"] for item in items if item.get("class") not in classes]
    if unknown:
        raise ValueError(
            f"Expected a class out of {list(classes)} for every image of {split!r}, got none for {len(unknown)} of "
            f"{len(items)}, first {unknown[0]}. Prepare the dataset with --classes."
        )
    absent = set(classes) - {item["class"] for item in items}
    if split == "training" and absent:
        raise ValueError(
            f"Expected training images of every class, got none of {sorted(absent)}. Add images, or remove the class "
            "from the datalist's 'classes'."
        )
    return [
        {
            "image": item["image"],
            "class": item["class"],
            "origin": item.get("origin", "real"),
            "label": classes.index(item["class"]),
            **({"group": item["group"]} if item.get("group") is not None else {}),
        }
        for item in items
    ]


def origin_counts(items: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> dict[str, dict[str, int]]:
    """How many items there are: origin ("real", "synthetic") -> class -> number.

    Args:
        items: datalist items with ``class``.
        classes: all class names.
    """
    found = Counter((item.get("origin", "real"), item["class"]) for item in items)
    return {origin: {name: found[origin, name] for name in classes} for origin in ORIGINS}

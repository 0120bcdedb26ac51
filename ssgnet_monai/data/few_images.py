"""Whether there is enough to learn from, to choose by and to be scored on: images of every class, and foreground."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

FEWEST = 4
"""Least training images of a class that a generator's scores take: two halves of two."""


def size_warnings(datalist: Mapping[str, Any]) -> list[str]:
    """What a split leaves too few images of, in sentences.

    Args:
        datalist: with ``classes``; items without a class count as ``all``.
    """
    counts = {
        split: Counter(str(item.get("class", "all")) for item in datalist.get(split, ()))
        for split in ("training", "validation", "test")
    }
    found = []
    for name in datalist.get("classes") or ["all"]:
        number = counts["training"][name]
        if not number:
            found.append(
                f"Class {name!r} has no training image: neither a generator nor a classifier can learn it. Add images "
                "(of other patients), change the shares or the seed of the split, or take the class out."
            )
        elif number < FEWEST:
            found.append(
                f"Class {name!r} has {number} training images: its generator can only repeat them, and KID and FID, "
                f"which take {FEWEST}, are left out. Add images."
            )
        absent = [split for split in ("validation", "test") if not counts[split][name]]
        if absent:
            found.append(f"Class {name!r} has no image in {' and '.join(absent)}.")
    return found


def foreground_warnings(datalist: Mapping[str, Any], empty: Collection[str]) -> list[str]:
    """Which parts of a split have masks and not a pixel of foreground, in sentences.

    Args:
        datalist: items have ``label`` where they have a mask.
        empty: labels of the masks without foreground.
    """
    reasons = {
        "training": "there is nothing to learn from",
        "validation": "no model can be chosen by it",
        "test": "its Dice says nothing",
    }
    labels_of = {split: [item["label"] for item in datalist.get(split, ()) if "label" in item] for split in reasons}
    masks = [label for labels in labels_of.values() for label in labels]
    if masks and all(label in empty for label in masks):
        return [
            f"None of the {len(masks)} masks has any foreground: nothing can be learnt from them. Export the right "
            "label, or name the right folder of masks."
        ]
    found = []
    for split, labels in labels_of.items():
        if labels and all(label in empty for label in labels):
            found.append(
                f"None of the {len(labels)} {split} masks has any foreground: {reasons[split]}. Change the seed or "
                "the shares of the split, or add images."
            )
    return found

"""Whether there is enough to learn from, to choose by and to be scored on: images of every class, and foreground."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

FEWEST = 4
"""Least training images of a class that a generator's scores take: two halves of two."""
FID_RELIABLE_FROM = 2048
"""Images of each set from which FID may be trusted; below, its covariance of 2048 features biases it upwards."""


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


def class_warnings(datalist: Mapping[str, Any], present: Mapping[str, Collection[int]]) -> list[str]:
    """Which classes of masks no image of a part of the split has, in sentences; nothing for binary masks.

    Args:
        datalist: with ``labels``; items have ``label`` where they have a mask.
        present: the classes of each label.
    """
    names = {int(number): name for number, name in datalist["labels"].items() if int(number) > 0}
    if len(names) < 2:
        return []
    found = []
    for number, name in names.items():
        having = {
            split: sum(number in present[item["label"]] for item in items)
            for split in ("training", "validation", "test")
            if (items := [item for item in datalist.get(split, ()) if "label" in item])
        }
        absent = [split for split, count in having.items() if not count]
        if len(absent) == len(having):
            found.append(f"No mask has a pixel of {name!r}. Export it too, or take it out of the labels.")
        elif absent:
            found.append(
                f"No {' and no '.join(absent)} mask has a pixel of {name!r}: "
                + ("it cannot be learnt. " if "training" in absent else "it gets no score there. ")
                + "Change the seed or the shares of the split, or add images."
            )
    return found

"""Whether every class has images enough to learn from, to choose by and to be scored on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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

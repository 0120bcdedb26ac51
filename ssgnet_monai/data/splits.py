"""Seeded train / validation / test splits that keep a patient on one side and class shares alike."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

logger = logging.getLogger(__name__)
SPLIT_NAMES = ("training", "validation", "test")


def split_items(
    items: Sequence[Mapping[str, Any]],
    fractions: Sequence[float] = (0.7, 0.1, 0.2),
    seed: int = 0,
    groups: Sequence[str] | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Split items into training, validation and test, whole groups at a time, stratified by class.

    Groups are placed from the largest to the smallest (ties in an order drawn from ``seed``), each where its classes
    lack most images. With groups of one image the class counts are those of the largest-remainder method. The order is
    a hash of (seed, group), so it does not depend on the listing order, the machine or the library version.

    Args:
        items: datalist items; ``class`` stratifies, ``group`` keeps images together (absent: each image on its own).
        fractions: shares of training, validation and test, each in [0, 1], their sum 1.
        seed: seed of the order.
        groups: one group per item to use instead of the items' own.

    Returns:
        ``{"training": [...], "validation": [...], "test": [...]}``, copies of the items in the given order.

    Raises:
        ValueError: the fractions are no shares, or there are fewer groups than splits.
    """
    fractions = checked_shares(fractions)
    keys = list(groups) if groups is not None else [item.get("group") or f"image {item['image']}" for item in items]
    members: dict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        members[key].append(index)
    wanted = [index for index, fraction in enumerate(fractions) if fraction > 0]
    if len(members) < len(wanted):
        raise ValueError(
            f"Expected at least {len(wanted)} groups (patients) for {len(wanted)} splits, got {len(members)} in "
            f"{len(items)} images. Add images, check the group column or expression, or set a share to 0."
        )
    counts = {key: Counter(str(items[i].get("class")) for i in indices) for key, indices in members.items()}
    assignment = _assign(counts, fractions, wanted, seed)
    result: dict[str, list[dict[str, Any]]] = {name: [] for name in SPLIT_NAMES}
    for item, key in zip(items, keys, strict=True):
        result[SPLIT_NAMES[assignment[key]]].append(dict(item))
    return result


def checked_shares(shares: str | Sequence[float]) -> list[float]:
    """The shares of training, validation and test as numbers.

    Raises:
        ValueError: they are no shares.
    """
    try:
        numbers = [float(share) for share in shares]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != 3 or min(numbers) < 0 or abs(sum(numbers) - 1) > 1e-6 or numbers[0] == 0:
        raise ValueError(
            f"Expected three shares (training > 0, validation, test) that add up to 1, got {shares!r}. "
            "Use for example 0.7 0.1 0.2."
        )
    return numbers


def draw_labeled(
    items: Sequence[Mapping[str, Any]], num_labeled: int, seed: int, labeled_by: str = "group"
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Keep the masks of ``num_labeled`` items and take the ``label`` field off the others.

    The choice is stratified by class and nested: with one seed, the 30 labelled items are among the 180. Whole groups
    (patients) are drawn, in the order of their first image, until the next would be too many; so the labelled items may
    be fewer than asked for; the first group is labelled in any case.

    Args:
        items: training items, all with a mask.
        num_labeled: how many keep it, in [1, len(items)]; 0 of none.
        seed: seed of the choice.
        labeled_by: "group"; or "image", which draws images one by one, so that a patient may have both kinds.

    Returns:
        (labelled items, the others without ``label``), both in the given order.

    Raises:
        ValueError: ``num_labeled`` is out of range, or an item is synthetic without a reviewed mask, or has none.
    """
    if labeled_by not in ("group", "image"):
        raise ValueError(f"Expected labeled_by 'group' or 'image', got {labeled_by!r}.")
    if not min(1, len(items)) <= num_labeled <= len(items):
        raise ValueError(f"Expected num_labeled from 1 to {len(items)} (the training items), got {num_labeled}.")
    synthetic = [item["image"] for item in items if item.get("origin") == "synthetic" and not item.get("reviewed")]
    if synthetic:
        raise ValueError(
            f"Expected real training images, got {len(synthetic)} synthetic ones, first {synthetic[0]}. "
            "Give the prepared datalist, not one that `ssgnet data grow` wrote."
        )
    bare = [item["image"] for item in items if "label" not in item]
    if bare:
        raise ValueError(f"Expected a mask for every item, got {len(bare)} without, first {bare[0]}.")
    by_class: dict[str, list[int]] = defaultdict(list)
    for index in sorted(range(len(items)), key=lambda i: _rank(os.path.basename(items[i]["image"]), seed)):
        by_class[str(items[index].get("class"))].append(index)
    # Position within the class over the class size: any first part of this order has the shares of the whole.
    order = sorted(
        ((place + 0.5) / len(indices), name, index)
        for name, indices in by_class.items()
        for place, index in enumerate(indices)
    )
    drawn = [index for _, _, index in order]
    chosen = set(drawn[:num_labeled] if labeled_by == "image" else _whole_groups(items, drawn, num_labeled))
    labeled = [dict(item) for index, item in enumerate(items) if index in chosen]
    hidden = [
        {key: value for key, value in item.items() if key != "label"}
        for index, item in enumerate(items)
        if index not in chosen
    ]
    return labeled, hidden


def _whole_groups(items: Sequence[Mapping[str, Any]], drawn: Sequence[int], number: int) -> list[int]:
    members: dict[str, list[int]] = {}
    for index in drawn:
        members.setdefault(str(items[index].get("group") or f"image {items[index]['image']}"), []).append(index)
    chosen: list[int] = []
    for indices in members.values():
        if len(chosen) + len(indices) > number:
            break
        chosen += indices
    if not chosen and number:
        chosen = next(iter(members.values()))
        logger.warning(
            "num_labeled %d is less than the first group (patient) drawn has: its %d images are labelled. "
            "labeled_by: image draws single images.",
            number,
            len(chosen),
        )
    return chosen


def _assign(
    counts: Mapping[str, Counter[str]], fractions: Sequence[float], wanted: Sequence[int], seed: int
) -> dict[str, int]:
    totals: Counter[str] = sum(counts.values(), Counter())
    lack = [{name: fraction * total for name, total in totals.items()} for fraction in fractions]
    assignment: dict[str, int] = {}
    sizes = Counter({key: sum(count.values()) for key, count in counts.items()})
    for key in sorted(counts, key=lambda k: (-sizes[k], _rank(k, seed))):
        best = max(wanted, key=lambda s: sum(n * lack[s][name] / totals[name] for name, n in counts[key].items()))
        assignment[key] = best
        for name, number in counts[key].items():
            lack[best][name] -= number
    for split in wanted:  # few large groups can leave a small share empty
        if split not in assignment.values():
            owners = Counter(assignment.values())
            donor = max(wanted, key=lambda s: owners[s])
            moved = min((k for k in assignment if assignment[k] == donor), key=lambda k: (sizes[k], _rank(k, seed)))
            assignment[moved] = split
    return assignment


def _rank(key: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{key}".encode()).digest()

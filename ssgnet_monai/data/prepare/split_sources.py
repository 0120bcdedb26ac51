"""Who lies in training, validation, test and among the unlabelled: the owner's split where there is one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from ssgnet_monai.data.image_files import SourceImage, listed
from ssgnet_monai.data.splits import SPLIT_NAMES, split_items

OFFICIAL = "official"
SHARES = (0.7, 0.1, 0.2)


def split_sources(
    sources: Sequence[SourceImage],
    items: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    split: str | Sequence[float],
    seed: int,
) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """Split the labelled items; give the others to ``unlabeled`` unless their patient is in validation or test.

    Args:
        sources: what the owner says of each item.
        items: the items; where any has a ``label``, those without are unlabelled.
        keys: one group key per item.
        split: shares of training, validation and test; or "official": the sources' own, a validation or test that
            the owner does not name being drawn from the rest.
        seed: seed of what is drawn.

    Returns:
        (items by split, remarks for the user). Where an official split parts a group, its items lose ``group``, and a
        remark says so.

    Raises:
        ValueError: unusable shares or too few groups.
    """
    has_masks = any("label" in item for item in items)
    usable = [
        index
        for index, (source, item) in enumerate(zip(sources, items, strict=True))
        if source.split != "unlabeled" and ("label" in item or not has_masks)
    ]
    side_of = _sides(sources, items, keys, usable, split, seed)
    held_out = {keys[index] for index, side in side_of.items() if side != "training"}
    rest = sorted(set(range(len(items))) - set(usable))
    kept = [index for index in rest if keys[index] not in held_out]
    parted = _parted_groups(keys, side_of)
    splits: dict[str, list[dict[str, Any]]] = {
        name: [_without_group(items[i], keys[i] in parted) for i in usable if side_of[i] == name]
        for name in SPLIT_NAMES
    }
    bare = [{key: value for key, value in item.items() if key != "label"} for item in items]
    splits["unlabeled"] = [_without_group(bare[i], keys[i] in parted) for i in kept]
    notes = []
    if len(kept) < len(rest):
        notes.append(f"{len(rest) - len(kept)} images without mask share a patient with validation or test: left out.")
    if parted:
        notes.append(
            f"The official split has images of {len(parted)} groups (patients, identical images) on both sides, such "
            f"as {listed(sorted(parted))}: test scores may be too good. To part by group: --split 0.7 0.1 0.2."
        )
    return splits, notes


def _sides(
    sources: Sequence[SourceImage],
    items: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    usable: Sequence[int],
    split: str | Sequence[float],
    seed: int,
) -> dict[int, str]:
    official = split == OFFICIAL
    side_of = {i: side for i in usable if official and (side := sources[i].split) is not None}
    free = [i for i in usable if i not in side_of]
    shares = SHARES if official else [float(share) for share in split]
    if side_of:
        taken = set(side_of.values()) - {"training"}
        shares = [0 if name in taken else share for name, share in zip(SPLIT_NAMES, shares, strict=True)]
        shares = [share / sum(shares) for share in shares]
    if free:
        drawn = split_items([{**items[i], "index": i} for i in free], shares, seed, [keys[i] for i in free])
        side_of |= {item["index"]: name for name in SPLIT_NAMES for item in drawn[name]}
    return side_of


def _parted_groups(keys: Sequence[str], side_of: Mapping[int, str]) -> set[str]:
    sides = defaultdict(set)
    for index, side in side_of.items():
        sides[keys[index]].add(side)
    return {key for key, found in sides.items() if len(found) > 1}


def _without_group(item: Mapping[str, Any], parted: bool) -> dict[str, Any]:
    return {key: value for key, value in item.items() if not (parted and key == "group")}

"""Which training items keep their masks: all, some that are drawn, or those that a list names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ssgnet_monai.data.image_files import listed, stem_of
from ssgnet_monai.data.names import nearest, plain_name
from ssgnet_monai.data.splits import draw_labeled
from ssgnet_monai.data.text_file import read_text

Items = list[dict[str, Any]]


def split_labeled(
    items: Sequence[Mapping[str, Any]],
    num_labeled: int | None = None,
    labeled_list: str | Path | Sequence[str] | None = None,
    labeled_by: str = "group",
    seed: int = 0,
) -> tuple[Items, Items]:
    """Part training items into those with their masks and those whose masks are not used.

    Args:
        items: training items, all with a mask.
        num_labeled: how many keep it, drawn by ``draw_labeled``; None: all.
        labeled_list: instead: names of patients (groups), volumes or images, or a text file with one a line.
        labeled_by: "group" or "image", see ``draw_labeled``.
        seed: of the draw.

    Returns:
        (labelled items, the others without ``label``), both in the given order.

    Raises:
        ValueError: both ways at once, a name that no training item has, or what ``draw_labeled`` refuses.
    """
    if labeled_list is None:
        return draw_labeled(items, num_labeled or len(items), seed, labeled_by)
    if num_labeled is not None:
        raise ValueError(
            f"Expected num_labeled or labeled_list, got num_labeled {num_labeled} and a list. Take one of them out."
        )
    every, _ = draw_labeled(items, len(items), seed, labeled_by)  # with its checks
    names = read_names(labeled_list)
    known = [_names(item) for item in items]
    all_names = sorted(set().union(*known))
    if unknown := [name for name in names if name not in all_names]:
        raise ValueError(
            f"Expected names of training patients, volumes or images in labeled_list, such as {listed(all_names)}, got "
            f"{len(unknown)} others: {listed(unknown)}.{nearest(unknown[0], all_names)}"
        )
    chosen = [not own.isdisjoint(names) for own in known]
    labeled = [item for item, keeps in zip(every, chosen, strict=True) if keeps]
    hidden = [item for item, keeps in zip(every, chosen, strict=True) if not keeps]
    return labeled, without_labels(hidden)


def with_true_masks(hidden: Sequence[Mapping[str, Any]], training: Sequence[Mapping[str, Any]]) -> Items:
    """The items of ``hidden`` with the masks that were taken from them, for a control that knows them.

    Args:
        hidden: items without ``label``, see :func:`split_labeled`.
        training: the items from which they were parted.

    Raises:
        ValueError: nothing is hidden.
    """
    if not hidden:
        raise ValueError(
            "Expected training images whose masks are not used, got none: without them no one knows the masks of the "
            "pool, so there is no oracle. Set num_labeled or labeled_list, or take the oracle out of the controls."
        )
    images = {item["image"] for item in hidden}
    return [dict(item) for item in training if item["image"] in images]


def without_labels(items: Iterable[Mapping[str, Any]]) -> Items:
    """Items without their "label", for what may not see it."""
    return [{key: value for key, value in item.items() if key != "label"} for item in items]


def read_names(labeled_list: str | Path | Sequence[str]) -> list[str]:
    """The names of a list, or of a text file with one name a line.

    Raises:
        ValueError: no name.
    """
    lines = read_text(Path(labeled_list)).splitlines() if isinstance(labeled_list, str | Path) else labeled_list
    names = [plain_name(str(line)) for line in lines if str(line).strip()]
    if not names:
        raise ValueError(f"Expected at least one name in labeled_list, got none in {labeled_list}.")
    return names


def _names(item: Mapping[str, Any]) -> set[str]:
    """What a person may call an item: its image and volume, with or without an ending, and its patient."""
    files = [Path(item[key]).name for key in ("image", "volume") if key in item]
    names = {name for file in files for name in (file, stem_of(Path(file)))}
    return names | ({str(item["group"])} if item.get("group") is not None else set())

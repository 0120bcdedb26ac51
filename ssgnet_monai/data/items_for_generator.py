"""Which images a generator learns from: real training images only."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssgnet_monai.data.datalist import select_items
from ssgnet_monai.data.labeled_items import read_names, split_labeled

logger = logging.getLogger(__name__)
FEW_IMAGES = 300


def generator_items(
    datalist: dict[str, Any],
    class_name: str = "all",
    generator_images: str = "all",
    num_labeled: int | None = None,
    labeled_list: str | Path | Sequence[str] | None = None,
    labeled_by: str = "group",
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Real training items of one class.

    Args:
        datalist: as ``load_datalist`` gives it.
        class_name: a class, or "all".
        generator_images: "all" training images, or only the "labeled" ones: those that ``split_labeled`` gives to a
            segmenter with the same settings.
        num_labeled: of ``split_labeled``, as the three that follow.
        labeled_list: names of patients, volumes or images, or a text file of them.
        labeled_by: "group" or "image".
        seed: of the draw.

    Returns:
        The items, in the datalist's order.

    Raises:
        ValueError: no training image of the class, ``generator_images`` is neither word, or what ``split_labeled``
            refuses.
    """
    training = datalist["training"]
    if _are_labeled(generator_images):
        training, _ = split_labeled(training, num_labeled, labeled_list, labeled_by, seed)
    training = select_items(training, origin="real")
    items = select_items(training, class_name)
    logger.info("class %r: %d training images", class_name, len(items))
    if len(items) < FEW_IMAGES:
        logger.warning(
            "class %r has %d training images; under %d a generator tends to copy or to lose variety. Keep ada: true, "
            "or start from an earlier generator with transfer: PATH.",
            class_name,
            len(items),
            FEW_IMAGES,
        )
    return items


def generator_choice(
    generator_images: str,
    num_labeled: int | None,
    labeled_list: str | Path | Sequence[str] | None,
    labeled_by: str,
    seed: int,
) -> list[Any] | None:
    """What decides which images of a datalist ``generator_items`` gives, as plain values for a checkpoint.

    Returns:
        None: all; names; or the number of labelled images and the seed, and "image" where those are drawn one by one.
    """
    if not _are_labeled(generator_images):
        return None
    if labeled_list is not None:
        return read_names(labeled_list)
    return [num_labeled, seed] if labeled_by == "group" else [num_labeled, seed, labeled_by]


def _are_labeled(generator_images: str) -> bool:
    if generator_images not in ("all", "labeled"):
        raise ValueError(f"Expected generator_images 'all' or 'labeled', got {generator_images!r}.")
    return generator_images == "labeled"

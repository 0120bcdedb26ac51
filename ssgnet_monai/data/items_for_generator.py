"""Which images a generator learns from: real ones, with masks or without, none of validation or test."""

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
    conditional: bool = False,
) -> list[dict[str, Any]]:
    """Real items of one class, out of the training list and that of images which nobody has labelled.

    Args:
        datalist: as ``load_datalist`` gives it.
        class_name: a class, or "all".
        generator_images: "all" images, or only the "labeled" ones: those training images that ``split_labeled`` gives
            to a segmenter with the same settings.
        num_labeled: of ``split_labeled``, as the three that follow.
        labeled_list: names of patients, volumes or images, or a text file of them.
        labeled_by: "group" or "image".
        seed: of the draw.
        conditional: whether the generator is told the class of each image, so that images without one are left out.

    Returns:
        The items, in the datalist's order, training items first.

    Raises:
        ValueError: no image of the class, ``generator_images`` is neither word, or what ``split_labeled`` refuses.
    """
    training, unlabeled = datalist["training"], datalist.get("unlabeled", [])
    if _are_labeled(generator_images):
        training, _ = split_labeled(training, num_labeled, labeled_list, labeled_by, seed)
        unlabeled = []
    training = select_items(training, origin="real")
    unlabeled = [item for item in select_items(unlabeled, origin="real") if "class" in item or not conditional]
    items = select_items([*training, *unlabeled], class_name)
    listed = sum(class_name in ("all", item.get("class")) for item in training)
    logger.info("class %r: %d training images, %d that nobody has labelled", class_name, listed, len(items) - listed)
    if len(items) < FEW_IMAGES:
        logger.warning(
            "class %r has %d images to learn from; under %d a generator tends to copy or to lose variety. Keep ada: "
            "true, or start from an earlier generator with transfer: PATH.",
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

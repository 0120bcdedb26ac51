"""Which images a generator learns from: real training images only."""

from __future__ import annotations

import logging
from typing import Any

from ssgnet_monai.data.datalist import select_items
from ssgnet_monai.data.splits import hide_labels

logger = logging.getLogger(__name__)
FEW_IMAGES = 300


def generator_items(
    datalist: dict[str, Any],
    class_name: str = "all",
    generator_images: str = "all",
    num_labeled: int | None = None,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Real training items of one class.

    Args:
        datalist: as ``load_datalist`` gives it.
        class_name: a class, or "all".
        generator_images: "all" training images, or only the "labeled" ones that ``hide_labels`` keeps.
        num_labeled: how many those are; None when all training images are labelled.
        seed: seed of ``hide_labels``.

    Returns:
        The items, in the datalist's order.

    Raises:
        ValueError: no training image of the class, or ``generator_images`` is neither word.
    """
    if generator_images not in ("all", "labeled"):
        raise ValueError(f"Expected generator_images 'all' or 'labeled', got {generator_images!r}.")
    training = select_items(datalist["training"], origin="real")
    if generator_images == "labeled" and num_labeled is not None:
        training = hide_labels(training, num_labeled, seed)[0]
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

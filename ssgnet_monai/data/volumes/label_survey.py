"""What the mask volumes of a dataset mean together: one mask alone may lack a class that the others have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ssgnet_monai.data.image_files import ImagePair, listed
from ssgnet_monai.data.image_io import binarise_mask
from ssgnet_monai.data.label_map import HOW, LabelMap, example, read_off
from ssgnet_monai.data.pixel_budget import PixelBudget
from ssgnet_monai.data.threads import for_each_pair
from ssgnet_monai.data.volumes.class_voxels import present_values
from ssgnet_monai.data.volumes.volume import Volume

MOST_READ_OFF = 32
"""Values of masks that are taken as classes where nobody names them; more number objects."""
VOXELS_AT_A_TIME = 100_000_000


def survey_labels(
    pairs: Sequence[ImagePair], labels: LabelMap | None, threshold: int | None, workers: int
) -> tuple[LabelMap | None, list[str]]:
    """The class of each value of a dataset's mask volumes.

    Args:
        pairs: volumes with their masks.
        labels: what their owner says; None: it is read off the masks.
        threshold: see ``binarise_mask``; the masks are then binary.
        workers: threads.

    Returns:
        (the classes, None: the masks are binary; what to tell).

    Raises:
        ValueError: values of which several readings are possible, or without a name.
    """
    masks = [pair for pair in pairs if pair.mask is not None]
    if labels is not None and not (labels.values or (labels.parts and all(pair.parts for pair in masks))):
        raise ValueError(
            f"Expected the values of mask volumes in {labels.source}, got {'colours' if labels.colours else 'parts'}. "
            f"Name each value, such as {example([1, 2])}."
        )
    if labels is not None or threshold is not None or not masks:
        return labels, []
    budget = PixelBudget(VOXELS_AT_A_TIME)

    def values(pair: ImagePair) -> list[int]:
        assert pair.mask is not None
        mask = Volume(pair.mask)
        with budget.take(math.prod(mask.shape)):
            return [int(value) for value in present_values(mask)]

    found = for_each_pair(values, masks, workers, "reading masks")
    return labels_of_values({pair.mask: its for pair, its in zip(masks, found, strict=True) if pair.mask is not None})


def labels_of_values(found: Mapping[Path, Sequence[int]]) -> tuple[LabelMap | None, list[str]]:
    """Read the classes off the values of all masks.

    Args:
        found: the values of each mask.

    Returns:
        (the classes, None: the masks are binary; what to tell).

    Raises:
        ValueError: values with gaps, too many, or no background.
    """
    values = sorted(set().union(*found.values()))
    objects = [value for value in values if value > 0]
    alone = all(len(set(its) - {0}) < 2 for its in found.values())
    if len(objects) < 2 or (alone and set(objects) == {1, 255}):
        for path, its in found.items():
            binarise_mask(np.array(its), name=str(path))
        return None, []
    if values == list(range(len(values))) and len(values) <= MOST_READ_OFF:
        return read_off(values[-1]), [
            f"The masks hold the values 0 to {values[-1]}, which are taken as {len(values)} classes. Name them with "
            f"{HOW}: {example(objects)}. If they number objects of one kind: --mask-threshold 0."
        ]
    rare = max(found, key=lambda path: len(set(found[path]) - {0}))
    shown = f"{{{', '.join(map(str, values[:8]))}{', ...' * (len(values) > 8)}}}"
    raise ValueError(
        f"Expected masks of values {{0, 1}}, {{0, 255}} or 0, 1, 2, ... without a gap, got {shown} in {len(found)} "
        f"masks, {listed([rare])} among them. If the values are classes, name them with {HOW}: "
        f"{example(objects[:MOST_READ_OFF])} ('ignore': not known). If they number objects of one kind, prepare with "
        "mask_threshold=0 (--mask-threshold 0: values above 0 are foreground)."
    )

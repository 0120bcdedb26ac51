"""A labelled sample and crops of an unlabelled one, pair by pair: sample k depends on (seed, k) alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.data import Dataset

from ssgnet_monai.data.sample_stream import ENDLESS, SampleStream


class PairedStream(Dataset):
    """Labelled samples with unlabelled ones beside them, in equal numbers and each in an order of its own.

    Args:
        labeled: stream of the labelled items; its transform makes one sample of an item.
        pool: unlabelled items, without a "label" field.
        transform: of these, one with a ``ShiftedCropd``, which makes a list, the fixed crop first; or one that makes a
            single sample.
        seed: of the unlabelled order and crops; another one than that of ``labeled`` is made of it.

    A sample is that of ``labeled`` and "unlabeled" (C, ...), the fixed crop; where there are shifted ones, "shifted"
    (S, C, ...), the crops shifted from it, and "offset" (S, axes), by how many voxels.

    Raises:
        ValueError: there is no unlabelled item, or one has a label.
    """

    def __init__(
        self, labeled: SampleStream, pool: Sequence[dict[str, Any]], transform: Callable, seed: int = 0
    ) -> None:
        if not pool:
            raise ValueError(
                "Expected unlabelled images to train with, got none. Keep the masks of fewer training images "
                "(num_labeled or labeled_list), prepare a folder of images without masks, or set pool and synthetic."
            )
        if kept := [item for item in pool if "label" in item]:
            raise ValueError(f"Expected unlabelled items without 'label', got one of {kept[0]['image']}.")
        self.labeled, self.unlabeled = labeled, SampleStream(pool, transform, seed + 1)

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, k: int) -> dict[str, Any]:
        sample, crops = self.labeled[k], self.unlabeled[k]
        if isinstance(sample, list):
            raise ValueError(
                f"Expected one sample of a labelled item, got {len(sample)}. Let train#preprocessing make one crop."
            )
        if not isinstance(crops, list):
            return {**sample, "unlabeled": crops["image"]}
        fixed, shifted = crops[0], crops[1:]
        return {
            **sample,
            "unlabeled": fixed["image"],
            "shifted": torch.stack([crop["image"] for crop in shifted]),
            "offset": torch.stack([crop["offset"] for crop in shifted]),
        }

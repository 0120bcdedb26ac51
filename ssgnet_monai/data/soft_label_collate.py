"""Batches in which hard and soft labels stand beside each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from monai.data import list_data_collate

from ssgnet_monai.data.soft_labels import class_planes


class SoftLabelCollate:
    """Puts samples together whose "label" is hard or soft: all become planes of the classes.

    Args:
        num_classes: K.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes

    def __call__(self, batch: Sequence[Any]) -> Any:
        """A batch, as MONAI's ``list_data_collate`` makes it."""
        samples = [sample for item in batch for sample in (item if isinstance(item, list) else [item])]
        return list_data_collate([{**s, "label": class_planes(s["label"], self.num_classes)} for s in samples])


def label_collate(labels: str, num_classes: int) -> Callable[[Sequence[Any]], Any]:
    """What puts samples together: of ``labels`` "soft" a ``SoftLabelCollate``, else MONAI's own function."""
    return SoftLabelCollate(num_classes) if labels == "soft" else list_data_collate

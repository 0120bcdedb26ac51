"""The mask that most training masks agree on: the best answer without a look at the image."""

from __future__ import annotations

from collections.abc import Iterable

import torch


def majority_mask(masks: Iterable[torch.Tensor], num_classes: int, ignore_index: int = 255) -> torch.Tensor | None:
    """The most frequent class at each place; the lowest of several.

    Args:
        masks: batches (B, 1, ...) of class numbers.
        num_classes: K.
        ignore_index: value of pixels that nobody knows; they do not count.

    Returns:
        (1, ...) uint8 class numbers; None where the masks are of different shapes, or there is none.
    """
    times: torch.Tensor | None = None
    for batch in masks:
        if times is None:
            times = torch.zeros(num_classes, *batch.shape[2:], dtype=torch.int32)
        if batch.shape[2:] != times.shape[1:]:
            return None
        for number in range(num_classes):
            times[number] += ((batch[:, 0] == number) & (batch[:, 0] != ignore_index)).sum(0, dtype=torch.int32)
    return None if times is None else times.argmax(0, keepdim=True).to(torch.uint8)

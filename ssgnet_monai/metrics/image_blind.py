"""The best answer without a look at the image: the mean mask of the training masks, thresholded."""

from __future__ import annotations

from collections.abc import Iterable

import torch

THRESHOLDS = [step / 40 for step in range(20, 0, -1)]
"""From 1/2 down: the threshold of the best F1 (Dice) is half of that F1 (Lipton et al. 2014, theorem 1)."""


def image_blind_mask(masks: Iterable[torch.Tensor], num_classes: int, ignore_index: int = 255) -> torch.Tensor | None:
    """The most frequent foreground class at each place, where it is frequent enough; background elsewhere.

    How frequent is enough is chosen on the same masks: what gives the highest Dice, pooled, the mean over classes.

    Args:
        masks: batches (B, 1, ...) of class numbers.
        num_classes: K.
        ignore_index: value of pixels that nobody knows; they do not count.

    Returns:
        (1, ...) uint8 class numbers; None where the masks are of different shapes, or there is none.

    Source: Lipton, Elkan and Narayanaswamy 2014 (arXiv 1402.1892), for the threshold.
    """
    times: torch.Tensor | None = None
    for batch in masks:
        if times is None:
            times = torch.zeros(num_classes, *batch.shape[2:], dtype=torch.int32)
        if batch.shape[2:] != times.shape[1:]:
            return None
        for number in range(num_classes):
            times[number] += ((batch[:, 0] == number) & (batch[:, 0] != ignore_index)).sum(0, dtype=torch.int32)
    if times is None:
        return None
    known = times.sum(0)
    most, which = times[1:].max(0)
    share = most / known.clamp(min=1)
    answers = [torch.where(share >= threshold, which + 1, 0) for threshold in THRESHOLDS]
    best = max(answers, key=lambda answer: _dice(answer, times, known))
    return best[None].to(torch.uint8)


def _dice(answer: torch.Tensor, times: torch.Tensor, known: torch.Tensor) -> float:
    """Of one answer to all masks: pooled, the mean over the foreground classes that they hold."""
    found = []
    for number in range(1, len(times)):
        true, here = times[number], answer == number
        if total := int(true.sum()):
            found.append(2 * int(true[here].sum()) / (int(known[here].sum()) + total))
    return sum(found) / len(found) if found else 0.0

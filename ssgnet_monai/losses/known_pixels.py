"""Which pixels of a target a loss counts, and what it may say of them."""

from __future__ import annotations

import torch


def known_pixels(target: torch.Tensor, ignore_index: int, highest: int) -> torch.Tensor:
    """Pixels whose class is known.

    Args:
        target: class numbers (or soft labels of one class) of any shape and dtype, and ``ignore_index``.
        ignore_index: value of pixels that nobody knows.
        highest: largest value that a known pixel may have.

    Returns:
        Boolean mask of the target's shape.

    Raises:
        ValueError: If a known pixel lies outside 0 to ``highest``: no such class has a logit.
    """
    known = target != ignore_index
    wrong = target[known & ((target < 0) | (target > highest))]
    if len(wrong):
        found = sorted(wrong.unique().tolist())[:5]
        raise ValueError(
            f"Expected target values from 0 to {highest}, or {ignore_index} where nothing is known, got "
            f"{', '.join(f'{value:g}' for value in found)}. Has the network as many outputs as the data has classes?"
        )
    return known


def class_target(logits: torch.Tensor, target: torch.Tensor, ignore_index: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Class numbers as a loss of K exclusive classes wants them.

    Args:
        logits: (B, K, ...), K >= 2, in two or three dimensions.
        target: class numbers (B, ...) or (B, 1, ...), integer or floating point, and ``ignore_index``.
        ignore_index: value of pixels that nobody knows.

    Returns:
        Class numbers (B, ...) int64, 0 where nothing is known, and the mask (B, ...) of known pixels.

    Raises:
        ValueError: If the shapes do not fit, or a value is neither a class nor ``ignore_index``.
    """
    classes = target.squeeze(1) if target.ndim == logits.ndim and target.shape[1] == 1 else target
    if logits.ndim < 3 or logits.shape[1] < 2 or classes.shape != (logits.shape[0], *logits.shape[2:]):
        raise ValueError(
            "Expected logits (B, K, ...) of K >= 2 classes and class numbers (B, ...) or (B, 1, ...), "
            f"got {tuple(logits.shape)} and {tuple(target.shape)}."
        )
    known = known_pixels(classes, ignore_index, logits.shape[1] - 1)
    return torch.where(known, classes, 0).long(), known

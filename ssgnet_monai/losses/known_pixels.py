"""Which pixels of a target a loss counts, and what it may say of them."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def known_pixels(target: torch.Tensor, ignore_index: int, highest: int) -> torch.Tensor:
    """Pixels whose class is known.

    Args:
        target: class numbers (or soft labels, with ``highest`` 1) of any shape and dtype, and ``ignore_index``.
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
    """The probability of each class, as a loss of K exclusive classes wants it.

    Args:
        logits: (B, K, ...), K >= 2, in two or three dimensions.
        target: class numbers (B, ...) or (B, 1, ...), integer or floating point, or soft labels (B, K - 1, ...), the
            probability of each class but the background; and ``ignore_index``. Of two classes these are the same.
        ignore_index: value of pixels that nobody knows, in all planes of a soft label.

    Returns:
        (B, K, ...) of the logits' type, background where nothing is known, and the mask (B, ...) of known pixels.

    Raises:
        ValueError: If the shapes do not fit, or a value is neither a class nor ``ignore_index``.
    """
    planes = target if target.ndim == logits.ndim else target.unsqueeze(1)
    soft, pixels = logits.shape[1] - 1, (logits.shape[0], *logits.shape[2:])
    if logits.ndim < 3 or soft < 1 or planes.shape[1] not in (1, soft) or planes[:, 0].shape != pixels:
        raise ValueError(
            "Expected logits (B, K, ...) of K >= 2 classes and class numbers (B, ...) or (B, 1, ...), or soft labels "
            f"(B, K - 1, ...), got {tuple(logits.shape)} and {tuple(target.shape)}."
        )
    known = known_pixels(planes, ignore_index, soft if planes.shape[1] == 1 else 1)
    planes = torch.where(known, planes, 0)
    if planes.shape[1] < soft:
        truth = F.one_hot(planes[:, 0].long(), soft + 1).movedim(-1, 1).to(logits.dtype)
    else:
        planes = planes.to(logits.dtype)
        truth = torch.cat([(1 - planes.sum(1, keepdim=True)).clamp(min=0), planes], dim=1)
    return truth, known.all(1)

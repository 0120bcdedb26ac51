"""Binary cross-entropy plus Dice, from logits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ssgnet_monai.losses.known_pixels import known_pixels


class BCEDiceLoss(nn.Module):
    """Weighted sum of binary cross-entropy (mean over pixels) and soft Dice loss (mean over samples).

    Args:
        bce_weight: weight of the cross-entropy.
        dice_weight: weight of the Dice loss.
        smooth: added to numerator and denominator of each sample's Dice.
        ignore_index: target value of pixels that nobody knows; they count in neither term.

    Raises:
        ValueError: If ``ignore_index`` is a class, 0 or 1.

    Source: SSGNet (arXiv 2510.06123), Eq. 2 to 4; Ruan et al. 2024 (arXiv 2402.02491), Eq. 7.
    """

    def __init__(
        self, bce_weight: float = 1, dice_weight: float = 1, smooth: float = 1, ignore_index: int = 255
    ) -> None:
        super().__init__()
        if ignore_index in (0, 1):
            raise ValueError(f"Expected an ignore_index that is no class (such as 255), got {ignore_index}.")
        self.bce_weight, self.dice_weight = bce_weight, dice_weight
        self.smooth, self.ignore_index = smooth, ignore_index

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Compute the loss, in float32 for half-precision logits.

        Args:
            logits: (B, 1, ...), floating point, in two or three dimensions.
            target: same shape, integer or floating point: 0, 1 or values between (soft labels), and ``ignore_index``.

        Returns:
            Scalar loss; 0 where every pixel is ignored.

        Raises:
            ValueError: If the shapes differ, or a value is neither in [0, 1] nor ``ignore_index``.
        """
        if logits.shape != target.shape or logits.ndim < 2:
            raise ValueError(
                "Expected logits and target of one shape (B, ...), "
                f"got {tuple(logits.shape)} and {tuple(target.shape)}."
            )
        logits = logits if logits.dtype == torch.float64 else logits.float()
        known = known_pixels(target, self.ignore_index, 1)
        target, counted = torch.where(known, target, 0).to(logits.dtype), known.to(logits.dtype)
        entropy = F.binary_cross_entropy_with_logits(logits, target, weight=counted, reduction="sum")
        entropy = entropy / counted.sum().clamp(min=1)

        probability = (logits.sigmoid() * counted).flatten(1)
        target = target.flatten(1)
        overlap = 2 * (probability * target).sum(1) + self.smooth
        dice = overlap / (probability.sum(1) + target.sum(1) + self.smooth)
        return self.bce_weight * entropy + self.dice_weight * (1 - dice.mean())

"""Cross-entropy plus Dice for several exclusive classes, from logits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class CEDiceLoss(nn.Module):
    """Weighted sum of cross-entropy and Dice loss with squared denominator, pooled over the batch for every class.

    Args:
        ce_weight: weight of the cross-entropy.
        dice_weight: weight of the Dice loss, a mean over all classes, background included.
        smooth: added to numerator and denominator of each class's Dice.

    Source: Ruan et al. 2024 (arXiv 2402.02491), Eq. 8; squared form of Milletari et al. 2016 (arXiv 1606.04797).
    """

    def __init__(self, ce_weight: float = 0.4, dice_weight: float = 0.6, smooth: float = 1e-5) -> None:
        super().__init__()
        self.ce_weight, self.dice_weight, self.smooth = ce_weight, dice_weight, smooth

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Compute the loss, in float32 for half-precision logits.

        Args:
            logits: (B, K, H, W), floating point.
            target: class indices (B, H, W) or (B, 1, H, W), in [0, K).

        Returns:
            Scalar loss.

        Raises:
            ValueError: If the shapes do not fit.
        """
        if target.ndim == logits.ndim and target.shape[1] == 1:
            target = target.squeeze(1)
        if logits.ndim < 3 or target.shape != (logits.shape[0], *logits.shape[2:]):
            raise ValueError(
                "Expected logits (B, K, H, W) and class indices (B, H, W) or (B, 1, H, W), "
                f"got {tuple(logits.shape)} and {tuple(target.shape)}."
            )
        logits = logits if logits.dtype == torch.float64 else logits.float()
        target = target.long()
        probability = logits.softmax(1).transpose(0, 1).flatten(1)
        truth = F.one_hot(target, logits.shape[1]).to(logits.dtype).flatten(0, -2).T
        overlap = 2 * (probability * truth).sum(1) + self.smooth
        dice = overlap / (probability.square().sum(1) + truth.square().sum(1) + self.smooth)
        return self.ce_weight * F.cross_entropy(logits, target) + self.dice_weight * (1 - dice.mean())

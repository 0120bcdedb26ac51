"""Cross-entropy plus Dice for exclusive classes, from logits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ssgnet_monai.losses.known_pixels import class_target
from ssgnet_monai.ops.ranks import sum_over_ranks


class CEDiceLoss(nn.Module):
    """Weighted sum of cross-entropy and Dice loss with squared denominator, pooled over the batch for every class.

    The batch is that of all processes that train together.

    Args:
        ce_weight: weight of the cross-entropy.
        dice_weight: weight of the Dice loss, a mean over classes.
        smooth: added to numerator and denominator of each class's Dice.
        ignore_index: target value of pixels that nobody knows; they count in neither term.
        include_background: whether the Dice loss is a mean over all classes; False: over those but the background that
            the target shows, and nothing where it shows none, since an empty target says nothing of a shape.

    Source: Ruan et al. 2024 (arXiv 2402.02491), Eq. 8; squared form of Milletari et al. 2016 (arXiv 1606.04797).
    """

    def __init__(
        self,
        ce_weight: float = 0.4,
        dice_weight: float = 0.6,
        smooth: float = 1e-5,
        ignore_index: int = 255,
        include_background: bool = True,
    ) -> None:
        super().__init__()
        self.ce_weight, self.dice_weight = ce_weight, dice_weight
        self.smooth, self.ignore_index, self.include_background = smooth, ignore_index, include_background

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Compute the loss, in float32 for half-precision logits.

        Args:
            logits: (B, K, ...), floating point, in two or three dimensions; one logit (K = 1) means two classes, the
                background's being 0.
            target: class numbers (B, ...) or (B, 1, ...), integer or floating point, or soft labels (B, K - 1, ...),
                see ``class_target``; and ``ignore_index``.

        Returns:
            Scalar loss; 0 where every pixel is ignored.

        Raises:
            ValueError: If the shapes do not fit, or a value is neither a class nor ``ignore_index``.
        """
        logits = logits if logits.dtype == torch.float64 else logits.float()
        if logits.shape[1] == 1:
            logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
        truth, known = class_target(logits, target, self.ignore_index)
        counted = known.to(logits.dtype)
        entropy = sum_over_ranks((F.cross_entropy(logits, truth, reduction="none") * counted).sum())
        entropy = entropy / sum_over_ranks(counted.sum()).clamp(min=1)

        probability = (logits.softmax(1) * counted.unsqueeze(1)).transpose(0, 1).flatten(1)
        truth = (truth * counted.unsqueeze(1)).transpose(0, 1).flatten(1)
        overlap = sum_over_ranks((probability * truth).sum(1))
        sizes = sum_over_ranks(torch.stack([probability.square().sum(1), truth.square().sum(1)]))
        dice = (2 * overlap + self.smooth) / (sizes.sum(0) + self.smooth)
        if self.include_background:
            return self.ce_weight * entropy + self.dice_weight * (1 - dice.mean())
        shown = sizes[1, 1:] > 0
        lost = ((1 - dice[1:]) * shown).sum() / shown.sum().clamp(min=1)
        return self.ce_weight * entropy + self.dice_weight * lost

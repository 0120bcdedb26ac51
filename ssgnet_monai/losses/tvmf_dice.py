"""t-vMF Dice: Dice whose similarity falls off more steeply the better a class is already found."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ssgnet_monai.losses.known_pixels import class_target

_EPS = 1e-12


def tvmf_dice(
    probability: torch.Tensor, target: torch.Tensor, kappa: torch.Tensor, known: torch.Tensor
) -> torch.Tensor:
    """Loss of every class, pooled over the batch.

    Args:
        probability: (B, K, ...) float, of each class.
        target: (B, K, ...) float, the true probability of each class.
        kappa: scalar or (K,), at least 0: how concentrated the similarity of each class is.
        known: (B, ...) bool, pixels that count.

    Returns:
        (K,): (1 - phi)^2 with phi = (1 + cos) / (1 + kappa (1 - cos)) - 1 and cos the cosine between the class's
        probability map and its mask. A class that is absent from the target has cos 0. All 0 where no pixel counts.

    Source: Kato & Hotta 2023, Adaptive t-vMF Dice Loss (Comput. Biol. Med. 107695), Eq. 5 to 8.
    """
    counted = known.to(probability.dtype).unsqueeze(1)
    found, truth = (
        F.normalize((values * counted).transpose(0, 1).flatten(1), dim=1, eps=_EPS) for values in (probability, target)
    )
    cosine = (found * truth).sum(1)
    return (2 - (1 + cosine) / (1 + kappa * (1 - cosine))).square() * known.any()


def adapted_kappa(counts: torch.Tensor, lambda_: float = 32.0) -> torch.Tensor:
    """Concentration of each class, from how well the class was found: ``lambda_`` times its pooled Dice.

    Args:
        counts: (n, K, 4): TP, TN, FP, FN of n images and K classes, background included.
        lambda_: concentration of a class that was found perfectly, above 0.

    Returns:
        (K,) float64; 0 for a class that occurs neither in the masks nor in the predictions.

    Source: Kato & Hotta 2023, Adaptive t-vMF Dice Loss (Comput. Biol. Med. 107695), Eq. 9.
    """
    tp, _, fp, fn = counts.double().sum(0).unbind(-1)
    return lambda_ * 2 * tp / (2 * tp + fp + fn).clamp(min=1)


class TvMFDiceLoss(nn.Module):
    """Mean over all classes of the t-vMF Dice loss, from logits.

    Args:
        kappa: one concentration for all classes, at least 0; 0 is the cosine similarity itself.
        softmax: whether the input are logits; False takes it as probabilities.
        ignore_index: target value of pixels that nobody knows; they do not count.

    Raises:
        ValueError: If ``kappa`` is negative.

    Source: Kato & Hotta 2023, Adaptive t-vMF Dice Loss (Comput. Biol. Med. 107695), section 3.1.
    """

    kappa: torch.Tensor

    def __init__(self, kappa: float = 0.0, softmax: bool = True, ignore_index: int = 255) -> None:
        super().__init__()
        if kappa < 0:
            raise ValueError(f"Expected kappa of at least 0, got {kappa}.")
        self.register_buffer("kappa", torch.tensor(float(kappa)), persistent=False)
        self.softmax, self.ignore_index = softmax, ignore_index

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Compute the loss, in float32 for half-precision logits.

        Args:
            logits: (B, K, ...), K >= 2, floating point, in two or three dimensions.
            target: class numbers (B, ...) or (B, 1, ...), integer or floating point, or soft labels (B, K - 1, ...),
                see ``class_target``; and ``ignore_index``.

        Returns:
            Scalar loss, in [0, 4]; 0 where every pixel is ignored.

        Raises:
            ValueError: If the shapes do not fit, or a value is neither a class nor ``ignore_index``.
        """
        logits = logits if logits.dtype == torch.float64 else logits.float()
        truth, known = class_target(logits, target, self.ignore_index)
        probability = logits.softmax(1) if self.softmax else logits
        return tvmf_dice(probability, truth, self.kappa.to(logits), known).mean()


class AdaptiveTvMFDiceLoss(TvMFDiceLoss):
    """t-vMF Dice loss with one concentration a class, which :class:`~ssgnet_monai.handlers.AdaptiveKappaHandler` sets.

    The buffer ``kappa`` (num_classes,) starts at 0 and is part of the state dict.

    Args:
        num_classes: classes, background included, at least 2.
        softmax: whether the input are logits; False takes it as probabilities.
        ignore_index: target value of pixels that nobody knows; they do not count.

    Raises:
        ValueError: If ``num_classes`` is below 2.

    Source: Kato & Hotta 2023, Adaptive t-vMF Dice Loss (Comput. Biol. Med. 107695), section 3.2.
    """

    def __init__(self, num_classes: int, softmax: bool = True, ignore_index: int = 255) -> None:
        super().__init__(softmax=softmax, ignore_index=ignore_index)
        if num_classes < 2:
            raise ValueError(f"Expected num_classes of at least 2 (background is one), got {num_classes}.")
        self.register_buffer("kappa", torch.zeros(num_classes))

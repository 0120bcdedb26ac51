"""t-vMF Dice: Dice whose similarity falls off more steeply the better a class is already found."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

_EPS = 1e-12


def tvmf_dice(probability: torch.Tensor, target: torch.Tensor, kappa: torch.Tensor) -> torch.Tensor:
    """Loss of every class, pooled over the batch.

    Args:
        probability: (B, K, ...) float, of each class.
        target: (B, ...) int64, class numbers in [0, K).
        kappa: scalar or (K,), at least 0: how concentrated the similarity of each class is.

    Returns:
        (K,): (1 - phi)^2 with phi = (1 + cos) / (1 + kappa (1 - cos)) - 1 and cos the cosine between the class's
        probability map and its mask. A class that is absent from the target has cos 0.

    Source: Kato & Hotta 2023, Adaptive t-vMF Dice Loss (Comput. Biol. Med. 107695), Eq. 5 to 8.
    """
    classes = probability.shape[1]
    found = F.normalize(probability.transpose(0, 1).flatten(1), dim=1, eps=_EPS)
    truth = F.one_hot(target.flatten(), classes).to(probability.dtype).T
    cosine = (found * F.normalize(truth, dim=1, eps=_EPS)).sum(1)
    return (2 - (1 + cosine) / (1 + kappa * (1 - cosine))).square()


class TvMFDiceLoss(nn.Module):
    """Mean over all classes of the t-vMF Dice loss, from logits.

    Args:
        kappa: one concentration for all classes, at least 0; 0 is the cosine similarity itself.
        softmax: whether the input are logits; False takes it as probabilities.

    Raises:
        ValueError: If ``kappa`` is negative.

    Source: Kato & Hotta 2023, Adaptive t-vMF Dice Loss (Comput. Biol. Med. 107695), section 3.1.
    """

    kappa: torch.Tensor

    def __init__(self, kappa: float = 0.0, softmax: bool = True) -> None:
        super().__init__()
        if kappa < 0:
            raise ValueError(f"Expected kappa of at least 0, got {kappa}.")
        self.register_buffer("kappa", torch.tensor(float(kappa)), persistent=False)
        self.softmax = softmax

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Compute the loss, in float32 for half-precision logits.

        Args:
            logits: (B, K, ...), floating point, K >= 2.
            target: class numbers (B, ...) or (B, 1, ...), in [0, K).

        Returns:
            Scalar loss, in [0, 4].

        Raises:
            ValueError: If the shapes do not fit.
        """
        if target.ndim == logits.ndim and target.shape[1] == 1:
            target = target.squeeze(1)
        if logits.ndim < 3 or logits.shape[1] < 2 or target.shape != (logits.shape[0], *logits.shape[2:]):
            raise ValueError(
                "Expected logits (B, K, ...) of K >= 2 classes and class numbers (B, ...) or (B, 1, ...), "
                f"got {tuple(logits.shape)} and {tuple(target.shape)}."
            )
        logits = logits if logits.dtype == torch.float64 else logits.float()
        probability = logits.softmax(1) if self.softmax else logits
        return tvmf_dice(probability, target.long(), self.kappa.to(logits.dtype)).mean()


class AdaptiveTvMFDiceLoss(TvMFDiceLoss):
    """t-vMF Dice loss with one concentration a class, which :class:`~ssgnet_monai.handlers.AdaptiveKappaHandler` sets.

    The buffer ``kappa`` (num_classes,) starts at 0 and is part of the state dict.

    Args:
        num_classes: classes, background included, at least 2.
        softmax: whether the input are logits; False takes it as probabilities.

    Raises:
        ValueError: If ``num_classes`` is below 2.

    Source: Kato & Hotta 2023, Adaptive t-vMF Dice Loss (Comput. Biol. Med. 107695), section 3.2.
    """

    def __init__(self, num_classes: int, softmax: bool = True) -> None:
        super().__init__(softmax=softmax)
        if num_classes < 2:
            raise ValueError(f"Expected num_classes of at least 2 (background is one), got {num_classes}.")
        self.register_buffer("kappa", torch.zeros(num_classes))

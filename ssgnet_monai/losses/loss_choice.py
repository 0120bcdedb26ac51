"""The loss that fits a segmenter's outputs, or the way it is trained."""

from __future__ import annotations

from torch import nn

from ssgnet_monai.losses.bce_dice import BCEDiceLoss
from ssgnet_monai.losses.ce_dice import CEDiceLoss


def segmentation_loss(num_logits: int) -> nn.Module:
    """Cross-entropy plus Dice, in the form for so many outputs; pixels of value 255 count nowhere.

    Args:
        num_logits: outputs of the network: 1 (sigmoid, foreground against background) or one a class (softmax).

    Returns:
        ``BCEDiceLoss`` for one output, ``CEDiceLoss`` for several.

    Raises:
        ValueError: If ``num_logits`` is below 1.
    """
    if num_logits < 1:
        raise ValueError(f"Expected a network of at least one output, got num_logits {num_logits}.")
    return BCEDiceLoss() if num_logits == 1 else CEDiceLoss()


def cotraining_loss(alpha: float, kind: str = "ce_dice") -> CEDiceLoss:
    """``alpha`` cross-entropy + (1 - ``alpha``) Dice of the classes but the background, for any number of outputs.

    Args:
        alpha: in [0, 1].
        kind: "ce_dice", or "ce" for the cross-entropy alone.

    Raises:
        ValueError: ``alpha`` or ``kind`` is something else.

    Source: Kumari & Singh 2024 (arXiv 2405.07256), whose Fig. 5 varies alpha; the form is reconstructed.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"Expected alpha in [0, 1], the share of the cross-entropy, got {alpha}.")
    if kind not in ("ce_dice", "ce"):
        raise ValueError(f"Expected pseudo_loss out of ce_dice, ce, got {kind!r}.")
    share = 1.0 if kind == "ce" else alpha
    return CEDiceLoss(ce_weight=share, dice_weight=1 - share, include_background=False)

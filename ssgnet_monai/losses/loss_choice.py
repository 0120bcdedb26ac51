"""The loss that fits a segmenter's outputs."""

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

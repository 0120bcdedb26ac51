"""The loss of logits of all classes, two of them too, by its short name."""

from __future__ import annotations

from ssgnet_monai.losses.ce_dice import CEDiceLoss

SHARE_OF_CE = {"ce": 1.0, "dice": 0.0, "ce_dice": 0.5}


def class_loss(name: str) -> CEDiceLoss:
    """Cross-entropy, Dice or both by halves, pooled over the batch; pixels of value 255 count nowhere.

    Args:
        name: "ce", "dice" or "ce_dice".

    Raises:
        ValueError: another name.
    """
    if name not in SHARE_OF_CE:
        raise ValueError(f"Expected a loss out of {', '.join(SHARE_OF_CE)}, got {name!r}.")
    return CEDiceLoss(SHARE_OF_CE[name], 1 - SHARE_OF_CE[name], smooth=1)

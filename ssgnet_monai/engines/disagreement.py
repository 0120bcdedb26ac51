"""How unsure a segmenter is of images without labels: how much its masks of the flipped images disagree."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import torch

FLIPS: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (2, 3))


@torch.inference_mode()
def flip_disagreement(
    network: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor, threshold: float = 0.5
) -> torch.Tensor:
    """Mean of 1 - Dice over the pairs of masks predicted from an image and its three flips.

    Args:
        network: gives logits (B, 1, H, W) of images, or (B, 1, H, W, N) of volumes.
        images: (B, C, H, W) or (B, C, H, W, N), as the network takes them.
        threshold: probability from which a pixel is foreground.

    Returns:
        (B,) float32 in [0, 1]; two empty masks agree.
    """
    masks = []
    for dims in FLIPS:
        logits = network(images.flip(dims) if dims else images)
        masks.append(((logits.flip(dims) if dims else logits).sigmoid() >= threshold).flatten(1))
    return torch.stack([1 - _dice(one, other) for one, other in combinations(masks, 2)]).mean(0)


def _dice(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    both, total = (one & other).sum(1), one.sum(1) + other.sum(1)
    return torch.where(total == 0, 1.0, 2 * both / total.clamp(min=1))

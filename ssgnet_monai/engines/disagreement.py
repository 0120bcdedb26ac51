"""How unsure a segmenter is of images without labels: how much its masks of the flipped images disagree."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import torch

from ssgnet_monai.data.label_space import decide, to_probabilities
from ssgnet_monai.metrics.confusion import confusion_counts
from ssgnet_monai.metrics.segmentation_scores import case_scores

FLIPS: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (2, 3))


@torch.inference_mode()
def flip_disagreement(
    network: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor, threshold: float = 0.5
) -> torch.Tensor:
    """Mean of 1 - Dice over the pairs of masks predicted from an image and its three flips along two axes.

    Args:
        network: gives logits (B, 1, ...), or (B, K, ...) of K classes.
        images: (B, C, H, W), slices (B, C, H, W, N) or volumes (B, C, X, Y, Z), as the network takes them.
        threshold: with two classes, the probability from which a pixel is foreground.

    Returns:
        (B,) float32 in [0, 1]; of more than two classes the mean over those that either mask shows. Two empty masks
        agree.
    """
    masks = []
    for dims in FLIPS:
        logits = network(images.flip(dims) if dims else images)
        probabilities = to_probabilities(logits.flip(dims) if dims else logits)
        masks.append(decide(probabilities, threshold))
    number = probabilities.shape[1]
    dice = [case_scores(confusion_counts(*pair, number))["dice"] for pair in combinations(masks, 2)]
    return 1 - torch.stack(dice).nan_to_num(1.0).mean(0).float()

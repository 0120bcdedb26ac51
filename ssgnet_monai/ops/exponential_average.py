"""Exponential moving average of a network's parameters, with a half-life counted in training images."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def ema_decay(images_seen: float, batch_size: int, half_life: float, ramp: float | None = None) -> float:
    """Factor by which the average keeps its old value in one step.

    ``0.5 ** (batch_size / min(half_life, ramp * images_seen))``: early in training the half-life is a fixed share of
    what has been seen, so that the random start is forgotten quickly.

    Args:
        images_seen: training images so far, this step's included.
        batch_size: images of one step.
        half_life: images after which an old value counts half; 0 copies the network.
        ramp: share of the images seen, or None for no ramp-up (transfer learning).

    Returns:
        Factor in [0, 1).

    Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN"; Karras et al. 2021, appendix F.
    """
    if ramp is not None:
        half_life = min(half_life, ramp * images_seen)
    return 0.5 ** (batch_size / max(half_life, 1e-8))


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move ``average``'s parameters towards ``network``'s and copy its buffers, in place.

    ``average = network + decay * (average - network)``.

    Args:
        average: module that holds the average.
        network: module of the same architecture, just trained.
        decay: see :func:`ema_decay`.

    Raises:
        ValueError: when the two modules do not have the same parameter and buffer shapes.
    """
    kept: list[Tensor] = [*average.parameters()]
    new: list[Tensor] = [*network.parameters()]
    kept_buffers, new_buffers = list(average.buffers()), list(network.buffers())
    shapes = [[tuple(t.shape) for t in group] for group in (kept + kept_buffers, new + new_buffers)]
    if shapes[0] != shapes[1]:
        differing = next((pair for pair in zip(*shapes, strict=False) if pair[0] != pair[1]), "none up to the shorter")
        raise ValueError(
            f"Expected the average and the network to have the same shapes, got {len(shapes[0])} and {len(shapes[1])} "
            f"tensors, first differing shapes: {differing}. Make the average with copy.deepcopy(network)."
        )
    torch._foreach_lerp_(kept, new, 1 - decay)
    if kept_buffers:
        torch._foreach_copy_(kept_buffers, new_buffers)

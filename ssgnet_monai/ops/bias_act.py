"""Add a bias per channel, apply a pointwise nonlinearity with its gain, clamp."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

# name -> (function of (x, alpha), default alpha, default gain): the gain keeps the variance of a normal input near 1
_ACTIVATIONS: dict[str, tuple[Callable[[torch.Tensor, float], torch.Tensor], float, float]] = {
    "linear": (lambda x, alpha: x, 0.0, 1.0),
    "relu": (lambda x, alpha: F.relu(x), 0.0, math.sqrt(2)),
    "lrelu": (F.leaky_relu, 0.2, math.sqrt(2)),
    "tanh": (lambda x, alpha: torch.tanh(x), 0.0, 1.0),
    "sigmoid": (lambda x, alpha: torch.sigmoid(x), 0.0, 1.0),
    "swish": (lambda x, alpha: F.silu(x), 0.0, math.sqrt(2)),
}


def bias_act(
    x: torch.Tensor,
    b: torch.Tensor | None = None,
    dim: int = 1,
    act: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
) -> torch.Tensor:
    """``clamp(gain * act(x + b))``.

    Args:
        x: activations of any shape, floating point.
        b: bias of shape (x.shape[dim],); None adds nothing.
        dim: axis of the bias.
        act: linear, relu, lrelu, tanh, sigmoid or swish.
        alpha: slope of lrelu on negative inputs (default 0.2).
        gain: factor after the nonlinearity; default: sqrt(2) for relu, lrelu and swish, else 1.
        clamp: largest absolute value of the result; None does not clamp.

    Returns:
        Tensor of x's shape and type.

    Raises:
        ValueError: for an unknown ``act`` or a bias that does not match.

    Source: Karras et al. 2020 (StyleGAN2), appendix B; Karras et al. 2021, appendix.
    """
    if act not in _ACTIVATIONS:
        raise ValueError(f"Expected an activation among {sorted(_ACTIVATIONS)}, got {act!r}.")
    function, default_alpha, default_gain = _ACTIVATIONS[act]
    gain = default_gain if gain is None else gain
    if b is not None:
        if b.shape != (x.shape[dim],):
            raise ValueError(f"Expected a bias of shape ({x.shape[dim]},), got {tuple(b.shape)}.")
        x = x + b.to(x.dtype).reshape([-1 if axis == dim % x.ndim else 1 for axis in range(x.ndim)])
    x = function(x, default_alpha if alpha is None else alpha)
    if gain != 1:
        x = x * gain
    return x if clamp is None else x.clamp(-clamp, clamp)

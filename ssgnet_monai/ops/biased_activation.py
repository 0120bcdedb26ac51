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
    return clamp_magnitude(x, clamp)


def leaky_relu_clamp(x: torch.Tensor, slope: float, clamp: float | None, inplace: bool) -> torch.Tensor:
    """``clamp(leaky_relu(x))`` with as few passes over the memory as autograd allows.

    Args:
        x: activations, floating point.
        slope: on negative values; 1 is the identity.
        clamp: largest absolute value of the result; None does not clamp.
        inplace: x may be overwritten.

    Returns:
        Tensor of x's shape and type.
    """
    if slope != 1:
        x = F.leaky_relu(x, slope, inplace=inplace and slope > 0)
    return clamp_magnitude(x, clamp)


def clamp_magnitude(x: torch.Tensor, limit: float | None) -> torch.Tensor:
    """``min(max(x, -limit), limit)``; x itself when there is no limit, or on the CPU when nothing exceeds it."""
    if limit is None:
        return x
    if x.device.type == "cpu" and x.numel() > 0:
        # activations hardly ever reach the limit, and looking costs a quarter of clamping there and back
        low, high = torch.aminmax(x.detach())
        if low >= -limit and high <= limit:
            return x
    # hardtanh is clamp with a backward pass of one kernel instead of four
    return F.hardtanh(x, -limit, limit)

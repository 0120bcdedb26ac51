"""Fully connected layer with an equalised learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn


class FullyConnected(nn.Module):
    """``y = act(x W^T * lr_multiplier / sqrt(in) + b * lr_multiplier)`` with W ~ N(0, 1) / lr_multiplier.

    Args:
        in_features: length of the input.
        out_features: length of the output.
        activation: ``"linear"`` or ``"lrelu"`` (slope 0.2, gain sqrt(2)).
        lr_multiplier: factor on the effective learning rate.
        weight_init: standard deviation of the effective weights times sqrt(in_features).
        bias_init: effective initial bias, a number or out_features numbers.

    Source: Karras et al. 2018 (progressive GAN), section 4.1; Karras et al. 2019 (StyleGAN), appendix C.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: str = "linear",
        lr_multiplier: float = 1.0,
        weight_init: float = 1.0,
        bias_init: float | Sequence[float] = 0.0,
    ) -> None:
        super().__init__()
        if activation not in ("linear", "lrelu"):
            raise ValueError(f"Expected the activation 'linear' or 'lrelu', got {activation!r}.")
        self.activation = activation
        self.weight = nn.Parameter(torch.randn([out_features, in_features]) * (weight_init / lr_multiplier))
        bias = torch.as_tensor(bias_init, dtype=torch.float32, device=self.weight.device)
        self.bias = nn.Parameter(bias.expand(out_features) / lr_multiplier)
        # the leaky ReLU is positively homogeneous: its gain can sit in the product
        gain = math.sqrt(2) if activation == "lrelu" else 1.0
        self.weight_gain = gain * lr_multiplier / math.sqrt(in_features)
        self.bias_gain = gain * lr_multiplier

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, in_features) to (B, out_features) in x's type."""
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        y = torch.addmm(bias, x, weight.t(), beta=self.bias_gain, alpha=self.weight_gain)
        return F.leaky_relu(y, 0.2) if self.activation == "lrelu" else y

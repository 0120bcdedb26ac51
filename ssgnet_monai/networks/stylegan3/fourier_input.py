"""The generator's input: sine waves on a grid, rotated and shifted by w and by the user."""

from __future__ import annotations

import math

import torch
from torch import nn

from ssgnet_monai.networks.stylegan3.fully_connected import FullyConnected


class FourierInput(nn.Module):
    """Fixed random sine features on a continuous plane, sampled on the first layer's grid.

    The buffer ``transform`` (3, 3) is the inverse of the transformation that the user wants to see in the image.

    Args:
        w_dim: length of w.
        channels: sine features.
        size: width and height of the grid, samples.
        sampling_rate: samples per unit.
        bandwidth: cutoff of the features' frequencies, cycles per unit.

    Source: Karras et al. 2021, section 3.1 and appendix (Fourier features, transformed by w).
    """

    transform: torch.Tensor
    freqs: torch.Tensor
    phases: torch.Tensor

    def __init__(self, w_dim: int, channels: int, size: int, sampling_rate: int, bandwidth: float) -> None:
        super().__init__()
        self.channels, self.size = channels, size
        self.sampling_rate, self.bandwidth = sampling_rate, bandwidth
        freqs = torch.randn([channels, 2])
        radius = freqs.square().sum(dim=1, keepdim=True).sqrt()
        freqs = freqs / (radius * (radius.square() / 4).exp()) * bandwidth
        self.weight = nn.Parameter(torch.randn([channels, channels]))
        self.affine = FullyConnected(w_dim, 4, weight_init=0, bias_init=[1, 0, 0, 0])
        self.register_buffer("transform", torch.eye(3))
        self.register_buffer("freqs", freqs)
        self.register_buffer("phases", torch.rand([channels]) - 0.5)

    def forward(self, w: torch.Tensor) -> torch.Tensor:
        """Features (B, channels, size, size), float32, for w of shape (B, w_dim)."""
        t = self.affine(w)
        t = t / t[:, :2].norm(dim=1, keepdim=True)
        cos, sin = t[:, 0], t[:, 1]
        rotation = torch.stack([cos, -sin, sin, cos], dim=1).view(-1, 2, 2)
        # plane coordinates: the user's transform first, then translation by -t, then rotation
        shift = self.transform[:2, 2] - t[:, 2:]
        linear = rotation @ self.transform[:2, :2]
        offset = (rotation @ shift.unsqueeze(2)).squeeze(2)
        phases = self.phases + offset @ self.freqs.t()
        freqs = self.freqs @ linear
        band = self.sampling_rate / 2 - self.bandwidth
        amplitudes = (1 - (freqs.norm(dim=2) - self.bandwidth) / band).clamp(0, 1)
        # sin(a + b) on the grid from the sines and cosines of its axes: size instead of size^2 evaluations
        axis = self._axis(w.device)
        x = (2 * math.pi) * (freqs[:, :, 0, None] * axis + phases.unsqueeze(2))
        y = (2 * math.pi) * (freqs[:, :, 1, None] * axis)
        amplitudes = amplitudes.unsqueeze(2)
        columns = torch.stack([x.cos() * amplitudes, x.sin() * amplitudes], dim=2)
        rows = torch.stack([y.sin(), y.cos()], dim=3)
        features = rows @ columns
        return torch.matmul(self.weight / math.sqrt(self.channels), features.flatten(2)).unflatten(
            2, (self.size, self.size)
        )

    def _axis(self, device: torch.device) -> torch.Tensor:
        """Coordinates of the sample centres along one axis, in units, 0 at the middle."""
        n = torch.arange(self.size, device=device, dtype=torch.float32)
        return (n - (self.size - 1) / 2) / self.sampling_rate

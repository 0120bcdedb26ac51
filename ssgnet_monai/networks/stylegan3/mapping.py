"""Mapping network: latent code (and class) to the intermediate latent w."""

from __future__ import annotations

import torch
from torch import nn

from ssgnet_monai.networks.stylegan3.fully_connected import FullyConnected
from ssgnet_monai.ops.ranks import mean_over_ranks


class MappingNetwork(nn.Module):
    """Normalised latent and embedded class through leaky-ReLU layers, with truncation towards the mean w.

    Args:
        z_dim: length of the latent code; 0 maps the class alone.
        c_dim: length of the class vector; 0 is unconditional.
        w_dim: length of w.
        num_ws: copies of w returned, one a synthesis layer; None returns (B, w_dim).
        num_layers: fully connected layers.
        lr_multiplier: of these layers.
        w_avg_beta: decay of the running mean of w; None keeps no mean.

    Source: Karras et al. 2019 (StyleGAN), section 2 and appendix B; Karras et al. 2021, appendix.
    """

    embed: FullyConnected
    w_avg: torch.Tensor

    def __init__(
        self,
        z_dim: int,
        c_dim: int,
        w_dim: int,
        num_ws: int | None,
        num_layers: int = 2,
        lr_multiplier: float = 0.01,
        w_avg_beta: float | None = 0.998,
    ) -> None:
        super().__init__()
        if num_layers < 1:
            raise ValueError(f"Expected at least one mapping layer, got mapping_layers={num_layers}.")
        if z_dim + c_dim < 1:
            raise ValueError(f"Expected a latent or a class to map, got z_dim={z_dim} and c_dim={c_dim}.")
        self.z_dim, self.c_dim, self.w_dim = z_dim, c_dim, w_dim
        self.num_ws, self.num_layers, self.w_avg_beta = num_ws, num_layers, w_avg_beta
        if c_dim > 0:
            self.embed = FullyConnected(c_dim, w_dim)
        in_features = z_dim + (w_dim if c_dim > 0 else 0)
        for i in range(num_layers):
            layer = FullyConnected(in_features, w_dim, activation="lrelu", lr_multiplier=lr_multiplier)
            self.add_module(f"fc{i}", layer)
            in_features = w_dim
        if w_avg_beta is not None:
            self.register_buffer("w_avg", torch.zeros([w_dim]))

    def forward(
        self,
        z: torch.Tensor | None,
        c: torch.Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        update_emas: bool = False,
    ) -> torch.Tensor:
        """Map latents to w.

        Args:
            z: latents (B, z_dim); ignored when z_dim is 0.
            c: classes (B, c_dim), one-hot or soft; ignored when c_dim is 0.
            truncation_psi: 1 keeps w, 0 gives the mean w.
            truncation_cutoff: layers that are truncated, counted from the first; None is all.
            update_emas: move the running mean of w by this batch (of all ranks).

        Returns:
            (B, num_ws, w_dim), or (B, w_dim) when num_ws is None; float32.

        Raises:
            ValueError: for a latent or class of the wrong shape.
        """
        parts = []
        if self.z_dim > 0:
            parts.append(_unit_mean_square(_checked(z, "latents z", self.z_dim)))
        if self.c_dim > 0:
            parts.append(_unit_mean_square(self.embed(_checked(c, "classes c", self.c_dim))))
        x = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        for i in range(self.num_layers):
            x = getattr(self, f"fc{i}")(x)
        if update_emas and self.w_avg_beta is not None:
            with torch.no_grad():
                self.w_avg.lerp_(mean_over_ranks(x.detach().mean(dim=0)), 1 - self.w_avg_beta)
        if self.num_ws is not None:
            x = x.unsqueeze(1).expand(-1, self.num_ws, -1)
        if truncation_psi != 1:
            if self.w_avg_beta is None:
                raise ValueError("Expected truncation_psi=1: this mapping network keeps no mean w to truncate towards.")
            cut = truncation_cutoff if self.num_ws is not None else None
            truncated = self.w_avg.lerp(x if cut is None else x[:, :cut], truncation_psi)
            x = truncated if cut is None else torch.cat([truncated, x[:, cut:]], dim=1)
        return x


def _checked(x: torch.Tensor | None, name: str, features: int) -> torch.Tensor:
    if x is None or x.ndim != 2 or x.shape[1] != features:
        got = "None" if x is None else f"shape {tuple(x.shape)}"
        raise ValueError(f"Expected {name} of shape (B, {features}), got {got}.")
    return x.to(torch.float32)


def _unit_mean_square(x: torch.Tensor) -> torch.Tensor:
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()

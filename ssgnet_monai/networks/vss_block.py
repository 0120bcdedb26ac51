"""Visual state-space block: a selective scan of a feature map along four directions."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from ssgnet_monai.ops.ranks import num_ranks, shard
from ssgnet_monai.ops.scan import selective_scan

__all__ = ["SS2D", "DropPath", "VSSBlock"]

_DIRECTIONS = 4
_STEP_RANGE = (1e-3, 1e-1)
_SMALLEST_STEP = 1e-4


class DropPath(nn.Module):
    """Stochastic depth: drop a residual branch for whole samples, drawn from torch's generator.

    Args:
        rate: probability of dropping, in [0, 1).

    Raises:
        ValueError: If ``rate`` is outside [0, 1).

    Source: Huang et al. 2016 (arXiv 1603.09382), Eq. 5.
    """

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"Expected a drop-path rate in [0, 1), got {rate}.")
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``x`` (B, ...) with some samples zeroed and the others scaled by 1 / (1 - rate)."""
        if not self.training or self.rate == 0:
            return x
        keep = 1 - self.rate
        drawn = x.new_empty((x.shape[0] * num_ranks(),) + (1,) * (x.ndim - 1)).bernoulli_(keep)
        return x * shard(drawn).div_(keep)

    def extra_repr(self) -> str:
        """Show the rate when printed."""
        return f"rate={self.rate:.3f}"


class SS2D(nn.Module):
    """Two-dimensional selective scan of a channels-last map (B, H, W, C), same shape out.

    Args:
        d_model: features C.
        d_state: states N of every inner channel.
        expand: inner channels for each feature.
        d_conv: side of the depthwise convolution.
        scan_backend: back end of `ssgnet_monai.ops.selective_scan`.

    Source: VMamba (arXiv 2401.10166), section 4.3, figure 3; initialisation of Mamba (arXiv 2312.00752), section 3.6.
    """

    def __init__(
        self, d_model: int, d_state: int = 16, expand: int = 2, d_conv: int = 3, scan_backend: str = "auto"
    ) -> None:
        super().__init__()
        inner, rank = expand * d_model, math.ceil(d_model / 16)
        self.d_state, self.dt_rank, self.scan_backend = d_state, rank, scan_backend
        self.in_proj = nn.Linear(d_model, 2 * inner, bias=False)
        self.conv2d = nn.Conv2d(inner, inner, d_conv, padding=(d_conv - 1) // 2, groups=inner)
        self.x_proj_weight = nn.Parameter(torch.empty(_DIRECTIONS, rank + 2 * d_state, inner))
        self.dt_projs_weight = nn.Parameter(torch.empty(_DIRECTIONS, inner, rank))
        self.dt_projs_bias = nn.Parameter(torch.empty(_DIRECTIONS, inner))
        self.A_logs = nn.Parameter(torch.empty(_DIRECTIONS * inner, d_state))
        self.Ds = nn.Parameter(torch.empty(_DIRECTIONS * inner))
        self.out_norm = nn.LayerNorm(inner)
        self.out_proj = nn.Linear(inner, d_model, bias=False)
        self.reset_scan_parameters()

    def reset_scan_parameters(self) -> None:
        """Draw the parameters of the scan anew; step sizes begin log-uniform in [0.001, 0.1]."""
        bound, rank_bound = self.x_proj_weight.shape[-1] ** -0.5, self.dt_rank**-0.5
        low, high = (math.log(step) for step in _STEP_RANGE)
        with torch.no_grad():
            self.x_proj_weight.uniform_(-bound, bound)
            self.dt_projs_weight.uniform_(-rank_bound, rank_bound)
            step = torch.empty_like(self.dt_projs_bias).uniform_(low, high).exp_().clamp_(min=_SMALLEST_STEP)
            self.dt_projs_bias.copy_(step + torch.log(-torch.expm1(-step)))  # inverse of softplus
            self.A_logs.copy_(torch.arange(1, self.d_state + 1, dtype=torch.float32).log().expand_as(self.A_logs))
            self.Ds.fill_(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scanned, gated and projected map."""
        x, gate = self.in_proj(x).chunk(2, dim=-1)
        x = F.silu(self.conv2d(x.permute(0, 3, 1, 2)))
        return self.out_proj(self.out_norm(self._scan(x)) * F.silu(gate))

    def _scan(self, x: torch.Tensor) -> torch.Tensor:
        """(B, D, H, W) -> (B, H, W, D). Sequences are kept time first, (L, B, direction, D), as the scan likes them."""
        batch, inner, height, width = x.shape
        length = height * width
        rows = x.permute(2, 3, 0, 1).reshape(length, batch, inner)
        columns = x.permute(3, 2, 0, 1).reshape(length, batch, inner)
        xs = torch.stack((rows, columns, rows.flip(0), columns.flip(0)), dim=2)

        by_direction = xs.flatten(0, 1).transpose(0, 1)
        projected = torch.bmm(by_direction, self.x_proj_weight.transpose(1, 2))
        steps, b, c = projected.split([self.dt_rank, self.d_state, self.d_state], dim=-1)
        steps = torch.bmm(steps, self.dt_projs_weight.transpose(1, 2))

        def sequence(t: torch.Tensor) -> torch.Tensor:
            return t.transpose(0, 1).reshape(length, batch, _DIRECTIONS, -1).permute(1, 2, 3, 0)

        y, _ = selective_scan(
            xs.permute(1, 2, 3, 0).flatten(1, 2),
            sequence(steps).flatten(1, 2),
            -torch.exp(self.A_logs.to(torch.promote_types(self.A_logs.dtype, torch.float32))),
            sequence(b),
            sequence(c),
            self.Ds,
            delta_bias=self.dt_projs_bias.flatten(),
            delta_softplus=True,
            return_last_state=True,
            backend=self.scan_backend,
        )
        y = y.permute(2, 0, 1).unflatten(2, (_DIRECTIONS, inner))
        y_rows = y[:, :, 0] + y[:, :, 2].flip(0)
        y_columns = y[:, :, 1] + y[:, :, 3].flip(0)
        merged = y_rows.unflatten(0, (height, width)) + y_columns.unflatten(0, (width, height)).transpose(0, 1)
        return merged.permute(2, 0, 1, 3)


class VSSBlock(nn.Module):
    """Residual block x + DropPath(SS2D(LayerNorm(x))) on a channels-last map (B, H, W, C).

    Args:
        hidden_dim: features C.
        drop_path: drop-path rate, in [0, 1).
        d_state: states of the scan.
        eps: of the LayerNorm.
        scan_backend: back end of `ssgnet_monai.ops.selective_scan`.

    Source: VMamba (arXiv 2401.10166), figure 3; Ruan et al. 2024 (arXiv 2402.02491), section 3.2.
    """

    def __init__(
        self,
        hidden_dim: int,
        drop_path: float = 0.0,
        d_state: int = 16,
        eps: float = 1e-6,
        scan_backend: str = "auto",
    ) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(hidden_dim, eps=eps)
        self.self_attention = SS2D(hidden_dim, d_state=d_state, scan_backend=scan_backend)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the map after the block."""
        return x + self.drop_path(self.self_attention(self.ln_1(x)))

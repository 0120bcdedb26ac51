"""Layers that change the resolution of channels-last feature maps (B, H, W, C)."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["FinalPatchExpand2D", "PatchEmbed2D", "PatchExpand2D", "PatchMerging2D"]


class PatchEmbed2D(nn.Module):
    """Cut an image into patches and embed each: (B, in_chans, H, W) -> (B, H/4, W/4, embed_dim).

    Args:
        patch_size: side of a patch in pixels.
        in_chans: image channels.
        embed_dim: features of a patch.

    Source: VMamba (arXiv 2401.10166), section 4.2.
    """

    def __init__(self, patch_size: int = 4, in_chans: int = 3, embed_dim: int = 96) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_chans, embed_dim, kernel_size=patch_size, stride=patch_size)
        self.norm = nn.LayerNorm(embed_dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the normalised patches."""
        return self.norm(self.proj(x).permute(0, 2, 3, 1))


class PatchMerging2D(nn.Module):
    """Halve the resolution and double the features: (B, H, W, C) -> (B, H/2, W/2, 2C).

    Args:
        dim: features C of the input.

    Source: Swin Transformer (arXiv 2103.14030), section 3.1, as used by VM-UNet (arXiv 2402.02491).
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = nn.LayerNorm(4 * dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Merge the pixels of every 2x2 square, in the order (0, 0), (1, 0), (0, 1), (1, 1) of (row, column)."""
        merged = torch.cat([x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)], dim=-1)
        return self.reduction(self.norm(merged))


class PatchExpand2D(nn.Module):
    """Double the resolution and halve the features: (B, H, W, C) -> (B, 2H, 2W, C/2).

    Args:
        dim: features C of the input.

    Source: Ruan et al. 2024 (arXiv 2402.02491), section 3.1.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.expand = nn.Linear(dim, 2 * dim, bias=False)
        self.norm = nn.LayerNorm(dim // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the expanded map."""
        return self.norm(_features_to_space(self.expand(x), 2))


class FinalPatchExpand2D(nn.Module):
    """Return to the resolution of the image: (B, H, W, C) -> (B, 4H, 4W, C/4).

    Args:
        dim: features C of the input.

    Source: Ruan et al. 2024 (arXiv 2402.02491), section 3.1 (final projection).
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.expand = nn.Linear(dim, 4 * dim, bias=False)
        self.norm = nn.LayerNorm(dim // 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the expanded map."""
        return self.norm(_features_to_space(self.expand(x), 4))


def _features_to_space(x: torch.Tensor, factor: int) -> torch.Tensor:
    """(B, H, W, f f C) -> (B, f H, f W, C), features ordered (row, column, C)."""
    batch, height, width, features = x.shape
    x = x.reshape(batch, height, width, factor, factor, features // factor**2)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(batch, height * factor, width * factor, -1)

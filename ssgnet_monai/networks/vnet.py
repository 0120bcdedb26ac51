"""V-Net for volumes, in the form that semi-supervised segmentation is compared with."""

from __future__ import annotations

from itertools import pairwise

import torch
from monai.networks.layers import get_norm_layer
from torch import nn

_STAGES = ("one", "two", "three", "four", "five")
_UP_STAGES = ("five", "six", "seven", "eight", "nine")
_CONVOLUTIONS = (1, 2, 3, 3, 3)
_UP_CONVOLUTIONS = (3, 3, 2, 1)
_STRIDE = 2 ** (len(_STAGES) - 1)


class VNet(nn.Module):
    """Encoder and decoder of five stages with additive skips, returning logits; keys equal the public UA-MT code's.

    Convolutions of 3x3x3 with norm and ReLU, no residual connections; strided convolutions down, transposed ones up.

    Args:
        in_channels: channels of a volume.
        out_channels: logits a voxel.
        width: features of the first stage, doubled at each of the four others; 16 is the published size.
        norm: ``"batch"``, ``"instance"`` or another norm of MONAI's ``get_norm_layer``.
        dropout: rate at which whole feature maps are dropped at the bottom and before the head, in [0, 1).

    Source: Milletari et al. 2016 (arXiv 1606.04797); the variant of Yu et al. 2019, UA-MT (arXiv 1907.07034).
    """

    def __init__(
        self, in_channels: int = 1, out_channels: int = 2, width: int = 16, norm: str = "batch", dropout: float = 0.0
    ) -> None:
        super().__init__()
        channels = [width * 2**stage for stage in range(len(_STAGES))]
        self._add_encoder(in_channels, channels, norm)
        for stage, depth in enumerate(_UP_CONVOLUTIONS):
            above, below = channels[-1 - stage], channels[-2 - stage]
            up = nn.ConvTranspose3d(above, below, 2, stride=2)
            self.add_module(f"block_{_UP_STAGES[stage]}_up", _Block([above, below], norm, up))
            self.add_module(f"block_{_UP_STAGES[stage + 1]}", _Block([below] * (depth + 1), norm))
        self.out_conv = nn.Conv3d(width, out_channels, 1)
        self.dropout = nn.Dropout3d(dropout)

    def forward(self, volume: torch.Tensor) -> torch.Tensor:
        """Segment volumes.

        Args:
            volume: (B, in_channels, X, Y, Z) float, sides that are multiples of 16.

        Returns:
            Logits (B, out_channels, X, Y, Z).

        Raises:
            ValueError: If a side is no multiple of 16.
        """
        if volume.ndim != 5 or any(side % _STRIDE for side in volume.shape[2:]):
            raise ValueError(
                f"Expected volumes (B, C, X, Y, Z) with sides in multiples of {_STRIDE}, got {tuple(volume.shape)}. "
                "Choose such a patch_size, or pad."
            )
        *skips, x = self._encode(volume)
        x = self.dropout(x)
        for stage, skip in enumerate(reversed(skips)):
            x = self.get_submodule(f"block_{_UP_STAGES[stage]}_up")(x) + skip
            x = self.get_submodule(f"block_{_UP_STAGES[stage + 1]}")(x)
        return self.out_conv(self.dropout(x))

    def _add_encoder(self, in_channels: int, channels: list[int], norm: str) -> None:
        before = in_channels
        for stage, (name, depth, features) in enumerate(zip(_STAGES, _CONVOLUTIONS, channels, strict=True)):
            self.add_module(f"block_{name}", _Block([before] + [features] * depth, norm))
            if stage < len(_STAGES) - 1:
                before = 2 * features
                down = nn.Conv3d(features, before, 2, stride=2)
                self.add_module(f"block_{name}_dw", _Block([features, before], norm, down))

    def _encode(self, volume: torch.Tensor) -> list[torch.Tensor]:
        """Features at the five resolutions, the finest first."""
        x, features = volume, []
        for name in _STAGES[:-1]:
            features.append(self.get_submodule(f"block_{name}")(x))
            x = self.get_submodule(f"block_{name}_dw")(features[-1])
        return [*features, self.get_submodule("block_five")(x)]


class _Block(nn.Module):
    """Convolutions between the given channels, each with norm and ReLU; one given layer takes their place."""

    def __init__(self, channels: list[int], norm: str, layer: nn.Module | None = None) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            convolution = nn.Conv3d(before, after, 3, padding=1) if layer is None else layer
            layers += [convolution, get_norm_layer(norm, spatial_dims=3, channels=after), nn.ReLU(inplace=True)]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, ...) to (B, C', ...)."""
        return self.conv(x)

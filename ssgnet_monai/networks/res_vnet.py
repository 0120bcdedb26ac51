"""V-Net's decoder on a residual encoder, the second network of several methods that train two."""

from __future__ import annotations

import torch
from monai.networks.layers import get_norm_layer
from monai.networks.nets.resnet import ResNetBlock
from torch import nn

from ssgnet_monai.networks.vnet import VNet

_BLOCKS = (3, 4, 6, 3)


class ResVNet(VNet):
    """A three-dimensional ResNet-34 that keeps the volume's size in its first layer, under the decoder of ``VNet``.

    Its layers have the widths and strides of V-Net's stages, so that either encoder fits the decoder.

    Args:
        in_channels: channels of a volume.
        out_channels: logits a voxel.
        width: features of the first layer, doubled at each of the four others; 16 is the published size.
        norm: as in ``VNet``; the published one is ``"instance"``.
        dropout: as in ``VNet``.

    Source: He et al. 2016 (arXiv 1512.03385), table 1, for the residual blocks; Wang et al. 2023, MCF (CVPR), and Song
    et al. 2024, SDCL (MICCAI), for the pair with V-Net.
    """

    def __init__(
        self, in_channels: int = 1, out_channels: int = 2, width: int = 16, norm: str = "instance", dropout: float = 0.0
    ) -> None:
        super().__init__(in_channels, out_channels, width, norm, dropout)

    def _add_encoder(self, in_channels: int, channels: list[int], norm: str) -> None:
        self.stem = nn.Sequential(
            nn.Conv3d(in_channels, channels[0], 7, padding=3, bias=False), _norm(norm, channels[0]), nn.ReLU()
        )
        self.layers = nn.ModuleList()
        for before, features, depth in zip(channels[:-1], channels[1:], _BLOCKS, strict=True):
            shortcut = nn.Sequential(nn.Conv3d(before, features, 1, stride=2, bias=False), _norm(norm, features))
            first = ResNetBlock(before, features, stride=2, downsample=shortcut, norm=norm)
            others = [ResNetBlock(features, features, norm=norm) for _ in range(depth - 1)]
            self.layers.append(nn.Sequential(first, *others))

    def _encode(self, volume: torch.Tensor) -> list[torch.Tensor]:
        features = [self.stem(volume)]
        for layer in self.layers:
            features.append(layer(features[-1]))
        return features


def _norm(name: str, channels: int) -> nn.Module:
    return get_norm_layer(name, spatial_dims=3, channels=channels)

"""ResNet of weight-standardised convolutions and group norms, whose steps are skips of a decoder."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from timm.layers import StdConv2d
from torch import nn

_CONV_EPS = 1e-5
_NORM_EPS = 1e-6


class ResNetV2(nn.Module):
    """Stem and three blocks of bottlenecks; state-dict keys equal those of the public TransUNet.

    Args:
        block_units: bottlenecks in each of the three blocks.
        width: channels of the stem, a multiple of 32.

    Source: Chen et al. 2021, TransUNet (arXiv 2102.04306), section 3.2; Kolesnikov et al. 2020 (arXiv 1912.11370).
    """

    def __init__(self, block_units: Sequence[int] = (3, 4, 9), width: int = 64) -> None:
        super().__init__()
        self.root = nn.Sequential(
            OrderedDict(conv=_conv(3, width, 7, stride=2), gn=_norm(width), relu=nn.ReLU(inplace=True))
        )
        blocks, channels = OrderedDict[str, nn.Module](), width
        for index, units in enumerate(block_units):
            out = 4 * width * 2**index
            block = OrderedDict[str, nn.Module]()
            for unit in range(units):
                block[f"unit{unit + 1}"] = Bottleneck(channels, out, stride=2 if index and not unit else 1)
                channels = out
            blocks[f"block{index + 1}"] = nn.Sequential(block)
        self.body = nn.Sequential(blocks)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Encode an image.

        Args:
            image: (B, 3, H, W), sides that are multiples of 16.

        Returns:
            (B, 16 width, H / 16, W / 16), and the skips of 1/8, 1/4 and 1/2 of the sides, deepest first.
        """
        x = self.root(image)
        skips = [x]
        x = F.max_pool2d(x, 3, stride=2)
        for index, block in enumerate(self.body):
            x = block(x)
            if index < len(self.body) - 1:
                # Pooling without padding loses a row and a column, which the skip gets back as zeros.
                height, width = (side // 4 // 2**index for side in image.shape[2:])
                skips.append(F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2])))
        return x, skips[::-1]


class Bottleneck(nn.Module):
    """Residual bottleneck: 1x1, 3x3, 1x1 convolution, each with a group norm; ReLU after the addition.

    Args:
        channels: of the input.
        out_channels: of the output, a multiple of 128.
        stride: of the 3x3 convolution.
    """

    def __init__(self, channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        middle = out_channels // 4
        self.gn1, self.conv1 = _norm(middle), _conv(channels, middle, 1)
        self.gn2, self.conv2 = _norm(middle), _conv(middle, middle, 3, stride)
        self.gn3, self.conv3 = _norm(out_channels), _conv(middle, out_channels, 1)
        self.projected = stride != 1 or channels != out_channels
        if self.projected:
            self.downsample = _conv(channels, out_channels, 1, stride)
            self.gn_proj = nn.GroupNorm(out_channels, out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, channels, H, W) to (B, out_channels, H / stride, W / stride)."""
        shortcut = self.gn_proj(self.downsample(x)) if self.projected else x
        x = F.relu(self.gn1(self.conv1(x)), inplace=True)
        x = F.relu(self.gn2(self.conv2(x)), inplace=True)
        return F.relu(shortcut + self.gn3(self.conv3(x)), inplace=True)


def _conv(channels: int, out_channels: int, kernel: int, stride: int = 1) -> StdConv2d:
    return StdConv2d(channels, out_channels, kernel, stride, padding=kernel // 2, eps=_CONV_EPS)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(32, channels, eps=_NORM_EPS)

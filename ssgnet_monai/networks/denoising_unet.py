"""U-Net that knows at which step of a diffusion its noisy input stands, in two and three dimensions."""

from __future__ import annotations

import math

import torch
from torch import nn

STRIDE = 16
"""The sides of its images are multiples of this."""
_WIDTHS = (1, 1, 2, 4, 8)
_DROPOUT = (0.05, 0.1, 0.2, 0.3, 0.4)
_LONGEST_PERIOD = 10000.0


class DenoisingUNet(nn.Module):
    """U-Net of five stages for noisy inputs, conditioned by the diffusion step.

    Stages of two convolutions of side 3, each with batch norm and LeakyReLU; max-pooling between them. The embedding of
    the step is added once, after the first stage. In two dimensions the way up is bilinear with a 1x1 convolution and
    the encoder has dropout of .05 to .4; in three it is a transposed convolution, without dropout. No attention and no
    residuals, which is where MONAI's ``DiffusionModelUNet`` differs.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the noisy input together with what it is conditioned by.
        out_channels: channels of what is predicted.
        width: features of the first two stages, an even number; the others have 2, 4 and 8 times as many. 64 is the
            published size: 7.4 million parameters in two dimensions, 26.7 million in three.

    Raises:
        ValueError: other dimensions, or an odd width.

    Source: Ciampi et al. 2025 (arXiv 2504.01547); sizes of the authors' related code, read as documentation.
    """

    frequencies: torch.Tensor

    def __init__(self, spatial_dims: int = 2, in_channels: int = 5, out_channels: int = 2, width: int = 64) -> None:
        super().__init__()
        if spatial_dims not in (2, 3) or width < 2 or width % 2:
            raise ValueError(f"Expected 2 or 3 spatial_dims and an even width, got {spatial_dims} and {width}.")
        self.spatial_dims, self.width = spatial_dims, width
        features = [width * factor for factor in _WIDTHS]
        dropout = _DROPOUT if spatial_dims == 2 else (0.0,) * len(_DROPOUT)
        halve: nn.Module = nn.MaxPool2d(2) if spatial_dims == 2 else nn.MaxPool3d(2)
        self.first = _stage(spatial_dims, in_channels, width, dropout[0])
        self.embedding = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.down = nn.ModuleList(
            nn.Sequential(halve, _stage(spatial_dims, features[i], features[i + 1], dropout[i + 1])) for i in range(4)
        )
        self.enlarge, self.up = nn.ModuleList(), nn.ModuleList()
        for below, above in zip(features[:0:-1], features[-2::-1], strict=True):
            if spatial_dims == 2:
                smooth = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
                self.enlarge.append(nn.Sequential(nn.Conv2d(below, above, 1), smooth))
                self.up.append(_stage(spatial_dims, 2 * above, above))
            else:
                self.enlarge.append(nn.ConvTranspose3d(below, below, 2, stride=2))
                self.up.append(_stage(spatial_dims, below + above, above))
        self.last = _convolution(spatial_dims, width, out_channels)
        half = torch.arange(width // 2) / max(1, width // 2 - 1)
        self.register_buffer("frequencies", torch.exp(-math.log(_LONGEST_PERIOD) * half), persistent=False)

    def forward(self, noised: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """Predict what the network was trained for: the clean signal, or the noise.

        Args:
            noised: (B, in_channels, ...) float, sides that are multiples of 16.
            times: (B,) diffusion steps, from 0 to T - 1.

        Returns:
            (B, out_channels, ...).

        Raises:
            ValueError: a side is no multiple of 16.
        """
        if noised.ndim != self.spatial_dims + 2 or any(side % STRIDE for side in noised.shape[2:]):
            raise ValueError(
                f"Expected images (B, C, ...) of {self.spatial_dims} dimensions with sides in multiples of {STRIDE}, "
                f"got {tuple(noised.shape)}. Set size_multiple (and patch_size) to multiples of {STRIDE}, or pad."
            )
        angles = times.to(self.frequencies.dtype).unsqueeze(1) * self.frequencies
        embedded = self.embedding(torch.cat([angles.sin(), angles.cos()], dim=1))
        x = self.first(noised)
        x = x + embedded.reshape(embedded.shape + (1,) * self.spatial_dims)
        skips = []
        for stage in self.down:
            skips.append(x)
            x = stage(x)
        for enlarge, stage in zip(self.enlarge, self.up, strict=True):
            x = stage(torch.cat([skips.pop(), enlarge(x)], dim=1))
        return self.last(x)


def _convolution(spatial_dims: int, before: int, after: int) -> nn.Module:
    layer = nn.Conv2d if spatial_dims == 2 else nn.Conv3d
    return layer(before, after, 3, padding=1)


def _stage(spatial_dims: int, before: int, after: int, dropout: float = 0.0) -> nn.Sequential:
    norm = nn.BatchNorm2d if spatial_dims == 2 else nn.BatchNorm3d
    return nn.Sequential(
        _convolution(spatial_dims, before, after),
        norm(after),
        nn.LeakyReLU(inplace=True),
        nn.Dropout(dropout),
        _convolution(spatial_dims, after, after),
        norm(after),
        nn.LeakyReLU(inplace=True),
    )

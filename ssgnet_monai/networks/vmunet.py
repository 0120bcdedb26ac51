"""VM-UNet: a U-shaped segmentation network made of visual state-space blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

from ssgnet_monai.networks.convert.vmamba import load_vmamba
from ssgnet_monai.networks.patch_layers import FinalPatchExpand2D, PatchEmbed2D, PatchExpand2D, PatchMerging2D
from ssgnet_monai.networks.vss_block import VSSBlock

__all__ = ["VSSM", "VMUNet"]

_STRIDE = 32
_NORM_EPS = 1e-5


class VMUNet(nn.Module):
    """VM-UNet, returning logits; state-dict keys equal the public implementation's.

    Args:
        input_channels: image channels; a one-channel image is repeated to as many.
        num_classes: output channels (1 for a binary mask).
        depths: blocks in each of the four encoder stages.
        depths_decoder: blocks in each of the four decoder stages, deepest first.
        drop_path_rate: largest stochastic-depth rate, in [0, 1); rates grow linearly with depth.
        dims: features of the four stages, each twice the one before, the first a multiple of 4.
        d_state: states of the selective scan.
        scan_backend: back end of `ssgnet_monai.ops.selective_scan`.

    Raises:
        ValueError: If ``dims``, ``depths`` or the size of an image do not fit.

    Source: Ruan et al. 2024 (arXiv 2402.02491), section 3; VMamba (arXiv 2401.10166).

    Example:
        >>> network = VMUNet(input_channels=3, num_classes=1, dims=(8, 16, 32, 64))
        >>> network(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 1, 64, 64])
    """

    def __init__(
        self,
        input_channels: int = 3,
        num_classes: int = 1,
        depths: Sequence[int] = (2, 2, 2, 2),
        depths_decoder: Sequence[int] = (2, 2, 2, 1),
        drop_path_rate: float = 0.2,
        dims: Sequence[int] = (96, 192, 384, 768),
        d_state: int = 16,
        scan_backend: str = "auto",
    ) -> None:
        super().__init__()
        self.input_channels = input_channels
        self.vmunet = VSSM(
            in_chans=input_channels,
            num_classes=num_classes,
            depths=depths,
            depths_decoder=depths_decoder,
            drop_path_rate=drop_path_rate,
            dims=dims,
            d_state=d_state,
            scan_backend=scan_backend,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Segment a batch of images.

        Args:
            x: images (B, input_channels or 1, H, W), float; H and W multiples of 32.

        Returns:
            Logits (B, num_classes, H, W).

        Raises:
            ValueError: If the shape does not fit; the message names the nearest size that does.
        """
        if x.ndim != 4 or x.shape[1] not in (1, self.input_channels):
            expected = f"(B, {self.input_channels}, H, W)" + (" or (B, 1, H, W)" if self.input_channels > 1 else "")
            raise ValueError(f"Expected images of shape {expected}, got {tuple(x.shape)}.")
        height, width = x.shape[2:]
        if height % _STRIDE or width % _STRIDE:
            nearest = tuple(max(_STRIDE, (side + _STRIDE // 2) // _STRIDE * _STRIDE) for side in (height, width))
            raise ValueError(
                f"Expected an image height and width that are multiples of {_STRIDE}, got {height}x{width}. The "
                f"nearest valid size is {nearest[0]}x{nearest[1]}: resize to it, or pad (DivisiblePadd, k={_STRIDE})."
            )
        return self.vmunet(x.expand(-1, self.input_channels, -1, -1))

    def load_pretrained(self, path: str | Path) -> None:
        """Begin with the weights of a VMamba classifier; see ``convert.load_vmamba``."""
        load_vmamba(self, path)


class VSSM(nn.Module):
    """Backbone of `VMUNet`: encoder, decoder with additive skips, and the head; see there for the arguments.

    Args:
        in_chans: image channels.
        num_classes: output channels.
        depths: blocks of the encoder stages.
        depths_decoder: blocks of the decoder stages, deepest first.
        drop_path_rate: largest stochastic-depth rate.
        dims: features of the stages.
        d_state: states of the scan.
        scan_backend: back end of the scan.

    Raises:
        ValueError: If ``dims`` or the depths do not describe four stages that fit each other.

    Source: Ruan et al. 2024 (arXiv 2402.02491), figure 1.
    """

    def __init__(
        self,
        in_chans: int = 3,
        num_classes: int = 1,
        depths: Sequence[int] = (2, 2, 2, 2),
        depths_decoder: Sequence[int] = (2, 2, 2, 1),
        drop_path_rate: float = 0.2,
        dims: Sequence[int] = (96, 192, 384, 768),
        d_state: int = 16,
        scan_backend: str = "auto",
    ) -> None:
        super().__init__()
        _check_stages(dims, depths, depths_decoder)
        block = {"d_state": d_state, "eps": _NORM_EPS, "scan_backend": scan_backend}
        rates = _split(torch.linspace(0, drop_path_rate, sum(depths)).tolist(), depths)
        rates_up = _split(torch.linspace(drop_path_rate, 0, sum(depths_decoder)).tolist(), depths_decoder)
        dims_up = tuple(reversed(dims))
        self.patch_embed = PatchEmbed2D(4, in_chans, dims[0])
        self.layers = nn.ModuleList(_Encoder(dims[i], rates[i], i < 3, block) for i in range(4))
        self.layers_up = nn.ModuleList(_Decoder(dims_up[i], rates_up[i], i > 0, block) for i in range(4))
        self.final_up = FinalPatchExpand2D(dims[0])
        self.final_conv = nn.Conv2d(dims[0] // 4, num_classes, 1)
        self.apply(_initialise)

    def forward_features(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the bottleneck (B, H/32, W/32, dims[3]) and each encoder stage's input, channels last."""
        x = self.patch_embed(x)
        skips = []
        for layer in self.layers:
            skips.append(x)
            x = layer(x)
        return x, skips

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits (B, num_classes, H, W) of images (B, in_chans, H, W)."""
        x, skips = self.forward_features(x)
        x = self.layers_up[0](x)
        # Skips are added before a stage expands, so the first one, of the finest map, has no place.
        for layer, skip in zip(self.layers_up[1:], reversed(skips[1:]), strict=True):
            x = layer(x + skip)
        return self.final_conv(self.final_up(x).permute(0, 3, 1, 2))


class _Encoder(nn.Module):
    """Blocks, then half the resolution (not after the last stage)."""

    def __init__(self, dim: int, rates: Sequence[float], merge: bool, block: Mapping) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(VSSBlock(dim, rate, **block) for rate in rates)
        self.downsample = PatchMerging2D(dim) if merge else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.blocks:
            x = layer(x)
        return x if self.downsample is None else self.downsample(x)


class _Decoder(nn.Module):
    """Twice the resolution (not before the first stage), then blocks."""

    def __init__(self, dim: int, rates: Sequence[float], expand: bool, block: Mapping) -> None:
        super().__init__()
        self.upsample = PatchExpand2D(2 * dim) if expand else None
        self.blocks = nn.ModuleList(VSSBlock(dim, rate, **block) for rate in rates)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.upsample is not None:
            x = self.upsample(x)
        for layer in self.blocks:
            x = layer(x)
        return x


def _check_stages(dims: Sequence[int], depths: Sequence[int], depths_decoder: Sequence[int]) -> None:
    if len(dims) != 4 or dims[0] % 4 or any(after != 2 * before for before, after in pairwise(dims)):
        raise ValueError(f"Expected 4 dims, each twice the one before, the first a multiple of 4, got {tuple(dims)}.")
    for name, value in (("depths", depths), ("depths_decoder", depths_decoder)):
        if len(value) != 4 or min(value) < 1:
            raise ValueError(f"Expected 4 {name} of at least 1 block, got {tuple(value)}.")


def _split(values: Sequence[float], sizes: Sequence[int]) -> list[list[float]]:
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return [list(values[end - size : end]) for end, size in zip(ends, sizes, strict=True)]


def _initialise(module: nn.Module) -> None:
    """Truncated normal of sd 0.02 for linear layers; convolutions and scan parameters keep their own start."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.LayerNorm):
        nn.init.ones_(module.weight)
        nn.init.zeros_(module.bias)

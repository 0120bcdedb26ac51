"""StyleGAN2 residual discriminator, as StyleGAN3 trains with."""

from __future__ import annotations

import math

import torch
from torch import nn

from ssgnet_monai.networks.stylegan3.fully_connected import FullyConnected
from ssgnet_monai.networks.stylegan3.mapping import MappingNetwork
from ssgnet_monai.ops.biased_activation import leaky_relu_clamp
from ssgnet_monai.ops.fir_filter import setup_filter
from ssgnet_monai.ops.resampled_convolution import conv2d_resample

_RESAMPLE_TAPS = (1, 3, 3, 1)


class EqualizedConv2d(nn.Module):
    """Equalised convolution, optional downsampling by two, bias, activation, clamp.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kernel_size: odd.
        bias: add one.
        activation: ``"linear"`` or ``"lrelu"``.
        down: downsampling factor.
        conv_clamp: largest absolute value of the output at gain 1; None for no limit.

    Source: Karras et al. 2020 (StyleGAN2), figure 7 and appendix B.
    """

    resample_filter: torch.Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        bias: bool = True,
        activation: str = "lrelu",
        down: int = 1,
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.activation, self.down, self.conv_clamp = activation, down, conv_clamp
        self.padding = kernel_size // 2
        self.weight_gain = 1 / math.sqrt(in_channels * kernel_size**2)
        self.act_gain = math.sqrt(2) if activation == "lrelu" else 1.0
        self.weight = nn.Parameter(torch.randn([out_channels, in_channels, kernel_size, kernel_size]))
        self.bias = nn.Parameter(torch.zeros([out_channels])) if bias else None
        self.register_buffer("resample_filter", _resample_filter())

    def forward(self, x: torch.Tensor, gain: float = 1.0, backend: str = "auto") -> torch.Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / down, W / down), scaled by ``gain``."""
        # positive gains commute with the leaky ReLU, so they sit in the weights and the bias
        gain = gain * self.act_gain
        weight = (self.weight * (self.weight_gain * gain)).to(x.dtype)
        bias = None if self.bias is None else (self.bias * gain).to(x.dtype)
        x = conv2d_resample(
            x, weight, self.resample_filter, down=self.down, padding=self.padding, bias=bias, backend=backend
        )
        clamp = None if self.conv_clamp is None else self.conv_clamp * gain / self.act_gain
        return leaky_relu_clamp(x, 0.2 if self.activation == "lrelu" else 1.0, clamp, inplace=True)


class DiscriminatorBlock(nn.Module):
    """Residual block that halves the resolution; the first one starts from the image.

    Args:
        in_channels: of the input; 0 for the first block, which has ``fromrgb``.
        tmp_channels: inside the block.
        out_channels: of the output.
        img_channels: of the image, for the first block.
        use_fp16: compute in float16 on CUDA.
        conv_clamp: see :class:`EqualizedConv2d`.

    Source: Karras et al. 2020 (StyleGAN2), figure 7c.
    """

    def __init__(
        self,
        in_channels: int,
        tmp_channels: int,
        out_channels: int,
        img_channels: int,
        use_fp16: bool,
        conv_clamp: float | None,
    ) -> None:
        super().__init__()
        self.use_fp16 = use_fp16
        self.register_buffer("resample_filter", _resample_filter())
        self.fromrgb = None if in_channels else EqualizedConv2d(img_channels, tmp_channels, 1, conv_clamp=conv_clamp)
        in_channels = in_channels or tmp_channels
        self.conv0 = EqualizedConv2d(in_channels, tmp_channels, 3, conv_clamp=conv_clamp)
        self.conv1 = EqualizedConv2d(tmp_channels, out_channels, 3, down=2, conv_clamp=conv_clamp)
        self.skip = EqualizedConv2d(in_channels, out_channels, 1, bias=False, activation="linear", down=2)

    def forward(self, x: torch.Tensor, backend: str = "auto") -> torch.Tensor:
        """Map (B, C, H, W) to (B, out_channels, H / 2, W / 2)."""
        x = x.to(torch.float16 if self.use_fp16 and x.is_cuda else torch.float32)
        if self.fromrgb is not None:
            x = self.fromrgb(x)
        half = math.sqrt(0.5)
        shortcut = self.skip(x, gain=half, backend=backend)
        return shortcut + self.conv1(self.conv0(x), gain=half, backend=backend)


class MinibatchStd(nn.Module):
    """Append the mean standard deviation over groups of the batch as one more feature map.

    Args:
        group_size: samples in a group; the largest divisor of the batch that is not above it is used.

    Source: Karras et al. 2018 (progressive GAN), section 3; grouped as in Karras et al. 2020.
    """

    def __init__(self, group_size: int) -> None:
        super().__init__()
        self.group_size = group_size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, C, H, W) to (B, C + 1, H, W)."""
        batch, _, height, width = x.shape
        group = next(g for g in range(min(self.group_size, batch), 0, -1) if batch % g == 0)
        y = x.reshape(group, batch // group, -1)
        y = (y - y.mean(dim=0)).square().mean(dim=0)
        y = (y + 1e-8).sqrt().mean(dim=1)
        y = y.repeat(group).view(batch, 1, 1, 1).expand(batch, 1, height, width)
        return torch.cat([x, y], dim=1)


class DiscriminatorEpilogue(nn.Module):
    """Minibatch standard deviation, convolution, two fully connected layers, class projection.

    Args:
        in_channels: of the input at 4 x 4.
        cmap_dim: length of the mapped class; 0 is unconditional.
        mbstd_group_size: see :class:`MinibatchStd`.
        conv_clamp: see :class:`EqualizedConv2d`.

    Source: Karras et al. 2020 (StyleGAN2), figure 7; Miyato and Koyama 2018 (projection discriminator).
    """

    def __init__(self, in_channels: int, cmap_dim: int, mbstd_group_size: int, conv_clamp: float | None) -> None:
        super().__init__()
        self.cmap_dim = cmap_dim
        self.mbstd = MinibatchStd(mbstd_group_size)
        self.conv = EqualizedConv2d(in_channels + 1, in_channels, 3, conv_clamp=conv_clamp)
        self.fc = FullyConnected(in_channels * 16, in_channels, activation="lrelu")
        self.out = FullyConnected(in_channels, cmap_dim or 1)

    def forward(self, x: torch.Tensor, cmap: torch.Tensor | None) -> torch.Tensor:
        """Logits (B, 1) for features (B, in_channels, 4, 4)."""
        x = self.conv(self.mbstd(x.to(torch.float32)))
        x = self.out(self.fc(x.flatten(1)))
        if cmap is not None:
            x = (x * cmap).sum(dim=1, keepdim=True) / math.sqrt(self.cmap_dim)
        return x


class Discriminator(nn.Module):
    """Residual discriminator. Keys and shapes of the state dict are the published ones.

    Args:
        c_dim: length of the class vector; 0 is unconditional.
        img_resolution: width and height of the images, a power of two of at least 8.
        img_channels: 1 for grey, 3 for RGB.
        channel_base: channels at resolution r are ``channel_base / r``...
        channel_max: ...but at most this.
        mbstd_group_size: samples over which the minibatch standard deviation runs.
        conv_clamp: largest absolute activation; None for no limit.
        num_fp16_res: highest resolutions that compute in float16 on CUDA; elsewhere all is float32.

    Raises:
        ValueError: for sizes that give no valid network.

    Source: Karras et al. 2020 (StyleGAN2), section 4 and appendix; Karras et al. 2021, appendix.
    """

    def __init__(
        self,
        c_dim: int,
        img_resolution: int,
        img_channels: int,
        channel_base: int = 32768,
        channel_max: int = 512,
        mbstd_group_size: int = 4,
        conv_clamp: float | None = 256,
        num_fp16_res: int = 4,
    ) -> None:
        super().__init__()
        if img_resolution < 8 or img_resolution & (img_resolution - 1):
            raise ValueError(f"Expected img_resolution as a power of two of at least 8, got {img_resolution}.")
        if c_dim < 0 or img_channels < 1 or mbstd_group_size < 1:
            raise ValueError(
                "Expected c_dim >= 0, img_channels >= 1 and mbstd_group_size >= 1, "
                f"got {c_dim}, {img_channels} and {mbstd_group_size}."
            )
        self.c_dim, self.img_resolution, self.img_channels = c_dim, img_resolution, img_channels
        self.filter_backend = "auto"
        log_resolution = img_resolution.bit_length() - 1
        self.block_resolutions = [2**i for i in range(log_resolution, 2, -1)]
        channels = {r: min(channel_base // r, channel_max) for r in [*self.block_resolutions, 4]}
        if channels[img_resolution] < 1:
            raise ValueError(f"Expected channel_base of at least img_resolution {img_resolution}, got {channel_base}.")
        fp16_resolution = max(2 ** (log_resolution + 1 - num_fp16_res), 8)
        for r in self.block_resolutions:
            block = DiscriminatorBlock(
                in_channels=channels[r] if r < img_resolution else 0,
                tmp_channels=channels[r],
                out_channels=channels[r // 2],
                img_channels=img_channels,
                use_fp16=r >= fp16_resolution,
                conv_clamp=conv_clamp,
            )
            self.add_module(f"b{r}", block)
        cmap_dim = channels[4] if c_dim > 0 else 0
        if c_dim > 0:
            self.mapping = MappingNetwork(0, c_dim, cmap_dim, num_ws=None, num_layers=8, w_avg_beta=None)
        self.b4 = DiscriminatorEpilogue(channels[4], cmap_dim, mbstd_group_size, conv_clamp)

    def forward(self, img: torch.Tensor, c: torch.Tensor | None = None) -> torch.Tensor:
        """Judge images.

        Args:
            img: images (B, img_channels, R, R), float32, [-1, 1].
            c: classes (B, c_dim), one-hot; None when c_dim is 0.

        Returns:
            Logits (B, 1), float32; positive means real.

        Raises:
            ValueError: for images or classes of another shape.
        """
        if img.shape[1:] != (self.img_channels, self.img_resolution, self.img_resolution):
            raise ValueError(
                f"Expected images of shape (B, {self.img_channels}, {self.img_resolution}, {self.img_resolution}), "
                f"got {tuple(img.shape)}."
            )
        x = img
        for r in self.block_resolutions:
            x = getattr(self, f"b{r}")(x, backend=self.filter_backend)
        return self.b4(x, self.mapping(None, c) if self.c_dim > 0 else None)


def _resample_filter() -> torch.Tensor:
    return setup_filter(_RESAMPLE_TAPS).to(torch.get_default_device())

"""One synthesis layer: modulated convolution, then the filtered leaky ReLU that moves to the layer's own grid."""

from __future__ import annotations

import math

import torch
from torch import nn

from ssgnet_monai.networks.stylegan3.filters import LayerPlan, design_lowpass_filter
from ssgnet_monai.networks.stylegan3.fully_connected import FullyConnected
from ssgnet_monai.ops.filtered_activation import filtered_lrelu
from ssgnet_monai.ops.modulated_convolution import modulated_conv2d
from ssgnet_monai.ops.ranks import mean_over_ranks

_FILTER_SIZE = 6
_LRELU_UPSAMPLING = 2


class SynthesisLayer(nn.Module):
    """Styles from w, input gain from a running magnitude, modulated convolution, filtered leaky ReLU.

    Args:
        w_dim: length of w.
        source: plan of the layer that feeds this one.
        plan: plan of this layer.
        is_torgb: last layer: 1x1 convolution without demodulation, linear, no filters.
        is_critically_sampled: the layer keeps a separable down filter in the radial configuration.
        use_fp16: compute in float16 on CUDA.
        conv_kernel: kernel size of the convolution, samples.
        use_radial_filters: radially symmetric down filter (configuration R).
        conv_clamp: largest absolute activation, None for no limit.
        magnitude_ema_beta: decay of the running mean square of the input.

    Source: Karras et al. 2021, section 3.2, figure 4 and appendix.
    """

    magnitude_ema: torch.Tensor
    up_filter: torch.Tensor | None
    down_filter: torch.Tensor | None

    def __init__(
        self,
        w_dim: int,
        source: LayerPlan,
        plan: LayerPlan,
        is_torgb: bool,
        is_critically_sampled: bool,
        use_fp16: bool,
        conv_kernel: int,
        use_radial_filters: bool,
        conv_clamp: float | None,
        magnitude_ema_beta: float,
    ) -> None:
        super().__init__()
        self.is_torgb, self.is_critically_sampled = is_torgb, is_critically_sampled
        self.use_fp16, self.conv_clamp = use_fp16, conv_clamp
        self.magnitude_ema_beta = magnitude_ema_beta
        self.conv_kernel = 1 if is_torgb else conv_kernel
        self.in_channels, self.out_channels = source.channels, plan.channels
        self.in_size, self.out_size = (source.size,) * 2, (plan.size,) * 2
        self.in_sampling_rate, self.out_sampling_rate = source.sampling_rate, plan.sampling_rate
        self.in_cutoff, self.out_cutoff = source.cutoff, plan.cutoff
        self.in_half_width, self.out_half_width = source.half_width, plan.half_width
        self.tmp_sampling_rate = max(source.sampling_rate, plan.sampling_rate) * (1 if is_torgb else _LRELU_UPSAMPLING)
        self.up_factor = self.tmp_sampling_rate // source.sampling_rate
        self.down_factor = self.tmp_sampling_rate // plan.sampling_rate
        self.up_taps = 1 if is_torgb or self.up_factor == 1 else _FILTER_SIZE * self.up_factor
        self.down_taps = 1 if is_torgb or self.down_factor == 1 else _FILTER_SIZE * self.down_factor
        self.down_radial = use_radial_filters and not is_critically_sampled
        self.padding = self._padding()
        self.weight_gain = 1 / math.sqrt(self.in_channels * self.conv_kernel**2)

        shape = [self.out_channels, self.in_channels, self.conv_kernel, self.conv_kernel]
        self.weight = nn.Parameter(torch.randn(shape))
        self.bias = nn.Parameter(torch.zeros([self.out_channels]))
        self.register_buffer("magnitude_ema", torch.ones([]))
        rate = self.tmp_sampling_rate
        up = down = None
        if self.up_taps > 1:
            up = design_lowpass_filter(self.up_taps, self.in_cutoff, 2 * self.in_half_width, rate)
        if self.down_taps > 1:
            down = design_lowpass_filter(
                self.down_taps, self.out_cutoff, 2 * self.out_half_width, rate, radial=self.down_radial
            )
        self.register_buffer("up_filter", _on_default_device(up))
        self.register_buffer("down_filter", _on_default_device(down))
        self.affine = FullyConnected(w_dim, self.in_channels, bias_init=1)

    def _padding(self) -> tuple[int, int, int, int]:
        """Zeros (left, right, top, bottom) of the upsampled image that give ``out_size`` after the down filter."""
        total = (
            (self.out_size[0] - 1) * self.down_factor
            + 1
            - (self.in_size[0] + self.conv_kernel - 1) * self.up_factor
            + self.up_taps
            + self.down_taps
            - 2
        )
        low = (total + self.up_factor) // 2
        return low, total - low, low, total - low

    def forward(
        self, x: torch.Tensor, w: torch.Tensor, update_emas: bool = False, backend: str = "auto"
    ) -> torch.Tensor:
        """Advance one layer.

        Args:
            x: activations (B, in_channels, in_size, in_size).
            w: latents (B, w_dim), float32.
            update_emas: move the running mean square of the input by this batch (of all ranks).
            backend: of the filters, see :func:`~ssgnet_monai.ops.filtered_lrelu`.

        Returns:
            Activations (B, out_channels, out_size, out_size), float16 where the layer computes so, else float32.
        """
        if update_emas:
            with torch.no_grad():
                magnitude = x.detach().to(torch.float32).square().mean()
                self.magnitude_ema.lerp_(mean_over_ranks(magnitude), 1 - self.magnitude_ema_beta)
        styles = self.affine(w)
        if self.is_torgb:
            styles = styles * self.weight_gain
        x = modulated_conv2d(
            x.to(torch.float16 if self.use_fp16 and x.is_cuda else torch.float32),
            self.weight,
            styles,
            demodulate=not self.is_torgb,
            padding=self.conv_kernel - 1,
            input_gain=self.magnitude_ema.rsqrt(),
            per_sample=not self.training,
            bias=self.bias,
        )
        return filtered_lrelu(
            x,
            fu=self.up_filter,
            fd=self.down_filter,
            up=self.up_factor,
            down=self.down_factor,
            padding=self.padding,
            gain=1.0 if self.is_torgb else math.sqrt(2),
            slope=1.0 if self.is_torgb else 0.2,
            clamp=self.conv_clamp,
            backend=backend,
        )


def _on_default_device(taps: torch.Tensor | None) -> torch.Tensor | None:
    """Follow ``torch.device(...)`` contexts, except that a meta model keeps its taps readable."""
    device = torch.get_default_device()
    return taps if taps is None or device.type == "meta" else taps.to(device)

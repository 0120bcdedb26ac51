"""Leaky ReLU applied at a higher sampling rate, between two low-pass filters: the alias-free nonlinearity."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ssgnet_monai.ops.biased_activation import bias_act, clamp_magnitude, leaky_relu_clamp
from ssgnet_monai.ops.fir_filter import pair, upfirdn2d, use_matrix


def filtered_lrelu(
    x: torch.Tensor,
    fu: torch.Tensor | None = None,
    fd: torch.Tensor | None = None,
    b: torch.Tensor | None = None,
    up: int = 1,
    down: int = 1,
    padding: int | Sequence[int] = 0,
    gain: float = math.sqrt(2),
    slope: float = 0.2,
    clamp: float | None = None,
    flip_filter: bool = False,
    backend: str = "auto",
) -> torch.Tensor:
    """Add a bias, upsample, leaky ReLU with gain, clamp, downsample.

    Args:
        x: activations (B, C, H, W), floating point.
        fu: upsampling filter (K,) or (Ky, Kx); None is the identity.
        fd: downsampling filter, likewise.
        b: bias of shape (C,); None adds nothing.
        up: upsampling factor.
        down: downsampling factor.
        padding: zeros around the upsampled image, see :func:`~ssgnet_monai.ops.upfirdn2d`.
        gain: factor after the nonlinearity.
        slope: on negative values.
        clamp: largest absolute value before the downsampling filter; None does not clamp.
        flip_filter: correlate (True) or convolve (False) with both filters.
        backend: ``"reference"`` (zero insertion and convolution), ``"matrix"`` (one banded-matrix product per axis,
            separable filters only) or ``"auto"`` (each filter by the product where it applies).

    Returns:
        Activations (B, C, H', W') of x's type.

    Raises:
        ValueError: as :func:`~ssgnet_monai.ops.upfirdn2d`.

    Source: Karras et al. 2021, section 3.2 and figure 4b.
    """
    up_x, up_y = pair(up, "up")
    given = x
    if b is not None:
        x = bias_act(x, b)
    if gain > 0 and use_matrix(fu, backend):
        # a positive gain commutes with the leaky ReLU: the matrices carry it and a pass over the large image is saved
        before, gain = gain, 1.0
    else:
        before = 1.0
    x = upfirdn2d(x, fu, up, 1, padding, flip_filter, before * up_x * up_y, backend)
    if gain == 1:
        x = leaky_relu_clamp(x, slope, clamp, inplace=x is not given)
    else:
        x = clamp_magnitude(leaky_relu_clamp(x, slope, None, inplace=x is not given) * gain, clamp)
    return upfirdn2d(x, fd, down=down, flip_filter=flip_filter, backend=backend)

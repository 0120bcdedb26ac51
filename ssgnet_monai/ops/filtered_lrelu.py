"""Leaky ReLU applied at a higher sampling rate, between two low-pass filters: the alias-free nonlinearity."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ssgnet_monai.ops.bias_act import bias_act
from ssgnet_monai.ops.upfirdn2d import pair, quad, upfirdn2d, use_matrix


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
        padding: zeros around the upsampled image, see :func:`~ssgnet_monai.ops.upfirdn2d.upfirdn2d`.
        gain: factor after the nonlinearity.
        slope: on negative values.
        clamp: largest absolute value before the downsampling filter; None does not clamp.
        flip_filter: correlate (True) or convolve (False) with both filters.
        backend: ``"reference"`` (zero insertion and convolution), ``"matrix"`` (one banded-matrix product per axis,
            separable filters only) or ``"auto"`` (each filter by the product where it applies).

    Returns:
        Activations (B, C, H', W') of x's type.

    Raises:
        ValueError: as :func:`~ssgnet_monai.ops.upfirdn2d.upfirdn2d`.

    Source: Karras et al. 2021, section 3.2 and figure 4b.
    """
    up_pair, padding = pair(up, "up"), quad(padding)
    if b is not None:
        x = bias_act(x, b)
    # gain > 0 commutes with the leaky ReLU, so the matrices can carry it and a pass over the large image is saved
    fold = gain > 0 and use_matrix(fu, backend)
    before = gain if fold else 1.0
    gain = 1.0 if fold else gain
    x = upfirdn2d(
        x, fu, up=up_pair, padding=padding, gain=before * up_pair[0] * up_pair[1], flip_filter=flip_filter,
        backend=backend,
    )
    x = bias_act(x, act="linear" if slope == 1 else "lrelu", alpha=slope, gain=gain, clamp=clamp)
    return upfirdn2d(x, fd, down=down, flip_filter=flip_filter, backend=backend)

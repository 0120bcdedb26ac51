"""A convolution with low-pass filtered upsampling before it or downsampling around it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from ssgnet_monai.ops.fir_filter import downsampling_padding, quad, upfirdn2d


def conv2d_resample(
    x: torch.Tensor,
    w: torch.Tensor,
    f: torch.Tensor | None = None,
    up: int = 1,
    down: int = 1,
    padding: int | Sequence[int] = 0,
    flip_weight: bool = True,
    bias: torch.Tensor | None = None,
    backend: str = "auto",
) -> torch.Tensor:
    """Convolve at the resolution between upsampling by ``up`` and downsampling by ``down``.

    Args:
        x: images (B, C, H, W).
        w: weights (O, C, k, k).
        f: low-pass filter of the resampling, see :func:`~ssgnet_monai.ops.setup_filter`.
        up: upsampling factor.
        down: downsampling factor.
        padding: of the convolution, counted on the upsampled image.
        flip_weight: correlate with ``w`` (True, as PyTorch does) or convolve (False).
        bias: of shape (O,), added to the result.
        backend: of the resampling, see :func:`~ssgnet_monai.ops.upfirdn2d`.

    Returns:
        Images (B, O, H', W').

    Source: Karras et al. 2020 (StyleGAN2), figure 7 and appendix B.
    """
    left, right, top, bottom = quad(padding)
    if not flip_weight:
        w = w.flip([2, 3])
    if up > 1:
        width, height = (1, 1) if f is None else (f.shape[-1], f.shape[0])
        left, right = left + (width + up - 1) // 2, right + (width - up) // 2
        top, bottom = top + (height + up - 1) // 2, bottom + (height - up) // 2
        x = upfirdn2d(x, f, up=up, padding=(left, right, top, bottom), gain=up**2, backend=backend)
        left = right = top = bottom = 0
    if down == 1:
        if left == right and top == bottom and left >= 0 and top >= 0:
            return F.conv2d(x, w, bias, padding=(top, left))
        return F.conv2d(F.pad(x, (left, right, top, bottom)), w, bias)
    total = downsampling_padding(f, down, (left, right, top, bottom))
    if w.shape[2] == w.shape[3] == 1:
        # a pointwise convolution commutes with decimation: filter first and convolve the few samples that are kept
        return F.conv2d(upfirdn2d(x, f, down=down, padding=total, backend=backend), w, bias)
    return F.conv2d(upfirdn2d(x, f, padding=total, backend=backend), w, bias, stride=down)

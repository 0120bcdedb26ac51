"""One-dimensional upsample-filter-downsample as a banded matrix, built once and remembered."""

from __future__ import annotations

import math

import torch
from torch.utils.weak import WeakIdKeyDictionary

# filter tensor -> (its version when the entry was made, {geometry: matrix}); entries die with their filter.
_CACHE: WeakIdKeyDictionary = WeakIdKeyDictionary()
_IDENTITY = torch.ones(1, dtype=torch.float32, device="cpu")


def output_length(length: int, taps: int, up: int, down: int, pad_low: int, pad_high: int) -> int:
    """Samples that remain after zero insertion, padding, a ``taps`` long FIR filter and decimation."""
    return (length * up + pad_low + pad_high - taps) // down + 1


def resampling_matrix(
    taps: torch.Tensor, length: int, up: int, down: int, pad_low: int, pad_high: int, flip_filter: bool, gain: float
) -> torch.Tensor:
    """Matrix M with ``y = M x`` for zero insertion, padding, FIR filter and decimation along one axis.

    With h the flipped taps, ``y[m] = sum_k h[k] z[m * down + k - pad_low]`` and ``z[n * up] = x[n]``, hence
    ``M[m, n] = h[n * up + pad_low - m * down]``, zero outside the taps.

    Args:
        taps: filter, shape (K,).
        length: samples on the input axis.
        up: zero-insertion factor.
        down: decimation factor.
        pad_low: zeros before the first sample of the upsampled signal; negative crops.
        pad_high: zeros after its last sample; negative crops.
        flip_filter: correlate with ``taps`` (True) or convolve (False).
        gain: factor on the output.

    Returns:
        Matrix of shape (output length, length), float64, on the CPU.

    Source: the definition of the polyphase FIR resampler; Karras et al. 2021, section 3 (filters of the layers).
    """
    h = taps.detach().to(device="cpu", dtype=torch.float64)
    if not flip_filter:
        h = h.flip(0)
    rows = torch.arange(output_length(length, len(h), up, down, pad_low, pad_high), device="cpu")[:, None]
    columns = torch.arange(length, device="cpu")[None, :]
    index = columns * up + pad_low - rows * down
    inside = (index >= 0) & (index < len(h))
    return torch.where(inside, h[index.clamp(0, len(h) - 1)] * gain, 0.0)


def separable_factors(f: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Column and row filters whose outer product is ``f``, or None when there are none.

    Args:
        f: filter of shape (K,) (applied to both axes) or (Ky, Kx).

    Returns:
        (vertical taps, horizontal taps) in float64 on the CPU, or None for a filter that is not an outer product.
    """
    f = f.detach().to(device="cpu", dtype=torch.float64)
    if f.ndim == 1:
        return f, f
    pivot = int(f.abs().argmax())
    row, column = divmod(pivot, f.shape[1])
    if f[row, column] == 0:
        return None
    vertical, horizontal = f[:, column] / f[row, column], f[row]
    error = (vertical[:, None] * horizontal - f).abs().max()
    # the taps come as float32: an outer product of rounded taps is exact to a few units in the last place
    return (vertical, horizontal) if error <= 1e-6 * f.abs().max() else None


def is_separable(f: torch.Tensor | None) -> bool:
    """Whether ``f`` can be applied as one product per axis (None is the identity)."""
    return f is None or f.ndim == 1 or _entry(f)["factors"] is not None


def resampling_matrices(
    f: torch.Tensor | None,
    size: tuple[int, int],
    up: tuple[int, int],
    down: tuple[int, int],
    padding: tuple[int, int, int, int],
    flip_filter: bool,
    gain: float,
    device: torch.device,
    dtype: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both axes' matrices of a separable filter, ready for ``y = M_y x M_x^T``; remembered per filter tensor.

    Args:
        f: filter (K,) or rank-one (Ky, Kx); None is the identity.
        size: (height, width) of the input.
        up: (horizontal, vertical) zero-insertion factors.
        down: (horizontal, vertical) decimation factors.
        padding: (left, right, top, bottom) in upsampled samples; negative crops.
        flip_filter: correlate (True) or convolve (False).
        gain: factor on the output, over both axes together.
        device: of the matrices.
        dtype: of the matrices.

    Returns:
        (M_y of shape (H', H), M_x^T of shape (W, W')), contiguous, without gradient.
    """
    entry = _entry(_IDENTITY if f is None else f)
    key = (size, up, down, padding, flip_filter, gain, device, dtype)
    found = entry.get(key)
    if found is None:
        vertical, horizontal = entry["factors"]
        root = math.sqrt(abs(gain))
        # built outside inference mode, so that a matrix first made by a generator can serve training later
        with torch.inference_mode(False), torch.no_grad():
            m_y = resampling_matrix(vertical, size[0], up[1], down[1], padding[2], padding[3], flip_filter, root)
            m_x = resampling_matrix(
                horizontal, size[1], up[0], down[0], padding[0], padding[1], flip_filter, math.copysign(root, gain)
            )
            m_x = m_x.t().contiguous()
            found = (m_y.to(device=device, dtype=dtype), m_x.to(device=device, dtype=dtype))
        entry[key] = found
    return found


def _entry(f: torch.Tensor) -> dict:
    """What is remembered for this filter tensor; forgotten when the tensor is written to."""
    version = 0 if f.is_inference() else f._version
    held = _CACHE.get(f)
    if held is None or held[0] != version:
        with torch.inference_mode(False), torch.no_grad():
            held = (version, {"factors": separable_factors(f)})
        _CACHE[f] = held
    return held[1]

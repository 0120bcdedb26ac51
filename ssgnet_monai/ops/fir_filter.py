"""Upsample, FIR-filter and downsample a batch of images: the resampler under every StyleGAN layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from ssgnet_monai.ops.fir_matrix import is_separable, output_length, resampling_matrices

BACKENDS = ("auto", "reference", "matrix")


def setup_filter(
    f: torch.Tensor | Sequence | float | None,
    device: torch.device | str = "cpu",
    normalize: bool = True,
    flip_filter: bool = False,
    gain: float = 1.0,
    separable: bool | None = None,
) -> torch.Tensor:
    """Make a float32 FIR filter from its taps.

    Args:
        f: taps, shape (K,) or (Ky, Kx), a number, or None for the identity.
        device: of the result.
        normalize: divide by the sum, so that a constant image keeps its value.
        flip_filter: reverse the taps.
        gain: factor on the filter's response (over both axes together).
        separable: keep a 1-D filter 1-D; default: when it has at least 8 taps.

    Returns:
        Filter of shape (K,) or (Ky, Kx), float32.

    Raises:
        ValueError: for more than two dimensions or no taps.

    Source: Karras et al. 2020 (StyleGAN2), appendix B.
    """
    taps = torch.as_tensor(1.0 if f is None else f, dtype=torch.float32, device="cpu")
    if taps.ndim > 2 or taps.numel() == 0:
        raise ValueError(f"Expected a filter of shape (K,) or (Ky, Kx), got shape {tuple(taps.shape)}.")
    if taps.ndim == 0:
        taps = taps[None]
    if separable is None:
        separable = taps.ndim == 1 and taps.numel() >= 8
    if taps.ndim == 1 and not separable:
        taps = taps[:, None] * taps[None, :]
    if normalize:
        taps = taps / taps.sum()
    if flip_filter:
        taps = taps.flip(list(range(taps.ndim)))
    return (taps * gain ** (taps.ndim / 2)).to(device)


def upfirdn2d(
    x: torch.Tensor,
    f: torch.Tensor | None,
    up: int | Sequence[int] = 1,
    down: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
    backend: str = "auto",
) -> torch.Tensor:
    """Insert zeros, pad, filter and decimate: ``y = (f * pad(x with up - 1 zeros between samples))[::down]``.

    Args:
        x: images (B, C, H, W), floating point.
        f: filter (K,) for both axes or (Ky, Kx); None is the identity.
        up: zero-insertion factor, or (horizontal, vertical).
        down: decimation factor, or (horizontal, vertical).
        padding: zeros around the upsampled image: a number, (horizontal, vertical) or (left, right, top, bottom);
            negative crops.
        flip_filter: correlate (True) or convolve (False).
        gain: factor on the result.
        backend: ``"reference"`` (zero insertion and convolution), ``"matrix"`` (one banded-matrix product per axis,
            separable filters only) or ``"auto"`` (the product where it applies).

    Returns:
        Images (B, C, H', W') of x's type, ``H' = (H * up + padding - taps) // down + 1``.

    Raises:
        ValueError: for a wrong number of dimensions, an unknown back end, a filter larger than the padded image, or a
            filter that is not separable with ``backend="matrix"``.

    Source: Karras et al. 2021, section 3 and appendix; the product form is exact algebra.
    """
    up, down, padding = pair(up, "up"), pair(down, "down"), quad(padding)
    _check(x, f, up, down, padding)
    matrix = use_matrix(f, backend)
    if f is None and up == down == (1, 1) and not any(padding):
        return x * gain if gain != 1 else x
    if matrix:
        m_y, m_x = resampling_matrices(
            f, (x.shape[2], x.shape[3]), up, down, padding, flip_filter, float(gain), x.device, x.dtype
        )
        return m_y @ (x @ m_x)
    return _reference(x, f, up, down, padding, flip_filter, gain)


def downsampling_padding(
    f: torch.Tensor | None, down: int | Sequence[int], padding: int | Sequence[int] = 0
) -> tuple[int, int, int, int]:
    """Padding (left, right, top, bottom) that centres a low-pass filter before decimation by ``down``."""
    down_x, down_y = pair(down, "down")
    width, height = _taps(f)
    left, right, top, bottom = quad(padding)
    return (
        left + (width - down_x + 1) // 2,
        right + (width - down_x) // 2,
        top + (height - down_y + 1) // 2,
        bottom + (height - down_y) // 2,
    )


def pair(value: int | Sequence[int], name: str) -> tuple[int, int]:
    """(horizontal, vertical) factors from a number or a pair, checked to be at least 1."""
    x, y = (value, value) if isinstance(value, int) else tuple(int(v) for v in value)
    if x < 1 or y < 1:
        raise ValueError(f"Expected {name} factors of at least 1, got {value}.")
    return x, y


def quad(padding: int | Sequence[int]) -> tuple[int, int, int, int]:
    """(left, right, top, bottom) from a number, a (horizontal, vertical) pair or four numbers."""
    if isinstance(padding, int):
        return padding, padding, padding, padding
    values = tuple(int(v) for v in padding)
    if len(values) == 2:
        return values[0], values[0], values[1], values[1]
    if len(values) != 4:
        raise ValueError(f"Expected padding as one, two or four numbers, got {padding}.")
    return values


def use_matrix(f: torch.Tensor | None, backend: str) -> bool:
    """Whether a call with this filter and back end takes the matrix product."""
    if backend not in BACKENDS:
        raise ValueError(f"Expected a back end among {BACKENDS}, got {backend!r}.")
    if backend == "reference":
        return False
    if (f is None or not f.requires_grad) and is_separable(f):
        return True
    if backend == "matrix":
        raise ValueError(
            "Expected a separable filter without gradient for backend='matrix', "
            f"got shape {None if f is None else tuple(f.shape)}. Use backend='auto' or 'reference'."
        )
    return False


def _taps(f: torch.Tensor | None) -> tuple[int, int]:
    """(width, height) of a filter in samples."""
    return (1, 1) if f is None else (f.shape[-1], f.shape[0])


def _check(
    x: torch.Tensor,
    f: torch.Tensor | None,
    up: tuple[int, int],
    down: tuple[int, int],
    padding: tuple[int, int, int, int],
) -> None:
    if x.ndim != 4:
        raise ValueError(f"Expected images of shape (B, C, H, W), got shape {tuple(x.shape)}.")
    if f is not None and f.ndim not in (1, 2):
        raise ValueError(f"Expected a filter of shape (K,) or (Ky, Kx), got shape {tuple(f.shape)}.")
    width, height = _taps(f)
    left, right, top, bottom = padding
    if (
        output_length(x.shape[3], width, up[0], down[0], left, right) < 1
        or output_length(x.shape[2], height, up[1], down[1], top, bottom) < 1
    ):
        raise ValueError(
            f"Expected a padded image at least as large as the filter, got image {tuple(x.shape[2:])}, up {up}, "
            f"padding {padding} and filter {height} x {width}. Pad more or use a shorter filter."
        )


def _reference(
    x: torch.Tensor,
    f: torch.Tensor | None,
    up: tuple[int, int],
    down: tuple[int, int],
    padding: tuple[int, int, int, int],
    flip_filter: bool,
    gain: float,
) -> torch.Tensor:
    batch, channels, height, width = x.shape
    if up != (1, 1):
        grid = x.reshape(batch, channels, height, 1, width, 1)
        grid = F.pad(grid, [0, up[0] - 1, 0, 0, 0, up[1] - 1])
        x = grid.reshape(batch, channels, height * up[1], width * up[0])
    if any(padding):
        x = F.pad(x, padding)
    if f is None:
        x = x * gain
    else:
        kernel = f.to(device=x.device, dtype=x.dtype) * gain ** (f.ndim / 2)
        if not flip_filter:
            kernel = kernel.flip(list(range(kernel.ndim)))
        kernels = [kernel] if kernel.ndim == 2 else [kernel[None, :], kernel[:, None]]
        for one in kernels:
            x = F.conv2d(x, one.expand(channels, 1, *one.shape), groups=channels)
    return x[:, :, :: down[1], :: down[0]]

"""Antialiased affine warp: upsample by 2, bilinear sampling, downsample by 2, differentiable to any order."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from ssgnet_monai.ops.fir_filter import upfirdn2d
from ssgnet_monai.ops.fir_matrix import resampling_matrices


class _SampleBilinear(torch.autograd.Function):
    """Bilinear sampling as a linear map of the image; its backward is the adjoint map, and the other way round.

    PyTorch's own ``grid_sample`` has a second derivative in some versions and devices only. A linear map needs no
    more than its adjoint, so gradient penalties work everywhere. The grid is a constant.
    """

    @staticmethod
    def forward(ctx: Any, images: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.size = images.shape
        return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _SpreadBilinear.apply(gradient, grid, ctx.size), None


class _SpreadBilinear(torch.autograd.Function):
    """The adjoint of :class:`_SampleBilinear`: spread every value over the four pixels it was read from."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, grid: Tensor, size: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        # Only the shape of the image argument matters for the gradient with respect to the image.
        image = values.new_zeros(1).expand(size)
        bilinear, zeros, align_corners = 0, 0, False
        return torch.ops.aten.grid_sampler_2d_backward(
            values, image, grid, bilinear, zeros, align_corners, [True, False]
        )[0]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _SampleBilinear.apply(gradient, grid), None, None


def sample_bilinear(images: Tensor, grid: Tensor) -> Tensor:
    """Bilinear ``grid_sample`` (zeros outside, ``align_corners=False``) that can be differentiated any number of times.

    Args:
        images: (B, C, H, W) float.
        grid: (B, H', W', 2) float, x and y in [-1, 1]; treated as a constant.

    Returns:
        (B, C, H', W') samples.
    """
    return _SampleBilinear.apply(images, grid.detach())


def affine_warp(images: Tensor, inverse: Tensor, taps: Tensor) -> Tensor:
    """Warp every image by its own affine map, antialiased, with reflected borders.

    The image is reflected as far as any image of the batch needs (at most once), upsampled by 2, sampled bilinearly
    and downsampled by 2. With an orthonormal wavelet filter the identity map returns the image itself.

    Args:
        images: (B, C, H, W) float32, H, W >= 2.
        inverse: (B, 3, 3) float32, homogeneous map from output to input pixel positions (x, y, 1) in pixels, measured
            from the image centre.
        taps: (T,) float32, separable low-pass filter of sum 1, T a multiple of 4 (sym6: 12).

    Returns:
        (B, C, H, W) float32. The images themselves when every map is the identity.

    Source: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", appendix B.
    """
    height, width = images.shape[2:]
    reach = len(taps) // 2
    identity = torch.eye(3, device=inverse.device, dtype=inverse.dtype)
    half_size = identity.new_tensor([(width - 1) / 2, (height - 1) / 2])
    signs = identity.new_tensor([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    corners = inverse[:, :2, :2] @ (signs * half_size).T + inverse[:, :2, 2:]
    outside = torch.cat([(-corners).amax((0, 2)), corners.amax((0, 2))]) + reach - half_size.repeat(2)
    # One transfer tells both whether there is work and how far to reflect.
    moved, *margins = torch.cat([(inverse != identity).any().view(1), outside.ceil()]).tolist()
    if not moved:
        return images
    limits = [width - 1, height - 1] * 2
    left, top, right, bottom = (int(min(max(m, 0), limit)) for m, limit in zip(margins, limits, strict=True))
    images = functional.pad(images, [left, right, top, bottom], mode="reflect")
    images = _double_resolution(images, taps, largest=(3 * height, 3 * width))

    # Centre-based pixel positions -> the normalised coordinates of the doubled, unevenly padded image.
    out_height, out_width = 2 * height + 2 * reach, 2 * width + 2 * reach
    shift = identity.new_tensor([(left - right) / 2, (top - bottom) / 2]).view(1, 2, 1)
    linear, offset = inverse[:, :2, :2], 2 * (inverse[:, :2, 2:] + shift)
    half_pixel = identity.new_full((1, 2, 1), 0.5)
    offset = offset + linear @ half_pixel - half_pixel
    in_scale = identity.new_tensor([2 / images.shape[3], 2 / images.shape[2]]).view(1, 2, 1)
    out_scale = identity.new_tensor([out_width / 2, out_height / 2])
    theta = torch.cat([in_scale * linear * out_scale, in_scale * offset], dim=2)
    grid = functional.affine_grid(theta, [len(images), 1, out_height, out_width], align_corners=False)
    images = sample_bilinear(images, grid)
    # The adjoint of the upsampling filter: with an orthonormal wavelet an identity map gives back the image.
    return upfirdn2d(images, taps, down=2, padding=-1, flip_filter=True)


def _double_resolution(images: Tensor, taps: Tensor, largest: tuple[int, int]) -> Tensor:
    """Upsample by 2 at constant brightness, as one banded-matrix product per axis.

    Every batch is padded to another size: the matrices are leading blocks of those for the largest padded size, so
    that one pair serves all.
    """
    height, width = images.shape[2:]
    pads = (len(taps) // 2, len(taps) // 2 - 1) * 2
    columns, rows = resampling_matrices(taps, largest, (2, 2), (1, 1), pads, False, 4.0, images.device, images.dtype)
    return columns[: 2 * height, :height] @ (images @ rows[:width, : 2 * width])

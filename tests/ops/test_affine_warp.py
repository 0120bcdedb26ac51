"""Antialiased affine warp: derivatives of every order needed, exact identity, reflection at the border."""

from __future__ import annotations

import torch
import torch.nn.functional as functional

from ssgnet_monai.ops.affine_warp import affine_warp, sample_bilinear
from ssgnet_monai.transforms.ada import SYM6

TAPS = torch.tensor(SYM6, dtype=torch.float64) / sum(SYM6)


def test_sampling_equals_grid_sample_and_differentiates_twice():
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 2, 5, 6, dtype=torch.float64, generator=generator, requires_grad=True)
    grid = 2.4 * torch.rand(2, 4, 3, 2, dtype=torch.float64, generator=generator) - 1.2
    expected = functional.grid_sample(images, grid, align_corners=False)
    torch.testing.assert_close(sample_bilinear(images, grid), expected)
    assert torch.autograd.gradcheck(lambda x: sample_bilinear(x, grid), (images,))
    assert torch.autograd.gradgradcheck(lambda x: sample_bilinear(x, grid), (images,))


def test_identity_is_exact_and_free():
    images = torch.randn(2, 1, 9, 14, dtype=torch.float64)
    inverse = torch.eye(3, dtype=torch.float64).repeat(2, 1, 1)
    assert affine_warp(images, inverse, TAPS) is images
    inverse[1, 0, 2] = 3.0
    warped = affine_warp(images, inverse, TAPS)
    torch.testing.assert_close(warped[0], images[0])
    # Output pixel x reads input pixel x + 3; a whole-pixel shift keeps the values, and the far side is reflected.
    torch.testing.assert_close(warped[1, :, :, :11], images[1, :, :, 3:])
    torch.testing.assert_close(warped[1, :, :, 11:], images[1, :, :, 10:13].flip(2))


def test_constant_image_stays_constant_under_mild_maps():
    generator = torch.Generator().manual_seed(1)
    inverse = torch.eye(3).repeat(4, 1, 1)
    inverse[:, :2] += 0.1 * torch.randn(4, 2, 3, generator=generator)
    warped = affine_warp(torch.full((4, 3, 16, 12), 0.7), inverse, TAPS.float())
    torch.testing.assert_close(warped, torch.full_like(warped, 0.7), atol=1e-5, rtol=0)

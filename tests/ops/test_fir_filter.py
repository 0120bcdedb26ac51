"""The resampler: hand-computed cases, equality of the back ends, remembered matrices, bad inputs."""

from __future__ import annotations

import itertools

import pytest
import torch

from ssgnet_monai.ops import setup_filter, upfirdn2d
from ssgnet_monai.ops.fir_filter import downsampling_padding
from ssgnet_monai.ops.fir_matrix import is_separable


def test_hand_computed_upsampling():
    x = torch.tensor([[[[1.0, 2.0]]]])
    f = torch.tensor([1.0, 10.0])
    # zeros inserted to the right and below: 1 0 2 0 / 0 0 0 0; vertical taps touch the first row by both
    y = upfirdn2d(x, f, up=2, padding=[1, 0, 1, 0])
    # convolution: y[m] = f[0] z[m] + f[1] z[m - 1]
    torch.testing.assert_close(y[0, 0], torch.tensor([[1.0, 10.0, 2.0, 20.0], [10.0, 100.0, 20.0, 200.0]]))
    flipped = upfirdn2d(x, f, up=2, padding=[1, 0, 1, 0], flip_filter=True)
    torch.testing.assert_close(flipped[0, 0, 0], torch.tensor([100.0, 10.0, 200.0, 20.0]))


def test_constant_image_keeps_its_value():
    x = torch.full((1, 2, 12, 12), 3.0)
    f = setup_filter([1, 3, 3, 1])
    larger = upfirdn2d(x, f, up=2, padding=[2, 1, 2, 1], gain=4)
    smaller = upfirdn2d(x, f, down=2, padding=downsampling_padding(f, 2))
    assert (larger[..., 4:-4, 4:-4] - 3).abs().max() < 1e-5
    assert (smaller[..., 2:-2, 2:-2] - 3).abs().max() < 1e-5
    assert larger.shape[-2:] == (24, 24)
    assert smaller.shape[-2:] == (6, 6)


@pytest.mark.parametrize("taps", [(5,), (8,), (4, 4), (3, 6), None])
def test_back_ends_agree_in_values_and_two_derivatives(taps):
    generator = torch.Generator().manual_seed(3)
    if taps is None:
        f = None
    elif len(taps) == 1:
        f = torch.randn(taps, generator=generator)
    else:
        # whole numbers, so that the outer product is exact in float32
        f = torch.outer(*(torch.randint(-4, 5, (n,), generator=generator).float() for n in taps)) / 8
    x = torch.randn(2, 3, 9, 14, generator=generator, dtype=torch.float64)
    for up, down, padding in itertools.product((1, 2, (3, 1)), (1, (1, 2)), (4, [-1, 5, 3, 2])):
        results = []
        for backend in ("matrix", "reference"):
            leaf = x.clone().requires_grad_()
            y = upfirdn2d(leaf, f, up, down, padding, gain=1.7, backend=backend)
            (first,) = torch.autograd.grad(y.square().sum(), leaf, create_graph=True)
            (second,) = torch.autograd.grad(first.square().sum(), leaf)
            results.append((y, first, second))
        for matrix, reference in zip(*results, strict=True):
            torch.testing.assert_close(matrix, reference, atol=1e-5, rtol=1e-5)


def test_auto_uses_the_reference_for_filters_that_are_not_separable():
    f = torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    assert not is_separable(f)
    assert is_separable(torch.outer(torch.arange(3.0), torch.arange(1.0, 5.0)))
    x = torch.randn(1, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(upfirdn2d(x, f), upfirdn2d(x, f, backend="reference"))
    with pytest.raises(ValueError, match=r"separable filter.*\(2, 2\).*backend='auto'"):
        upfirdn2d(x, f, backend="matrix")


def test_remembered_matrices_follow_changes_of_the_filter():
    x, f = torch.ones(1, 1, 6, 6), torch.ones(3)
    assert upfirdn2d(x, f).unique().tolist() == [9.0]
    f.mul_(2)
    assert upfirdn2d(x, f).unique().tolist() == [36.0]


def test_matrices_first_made_in_inference_mode_serve_training():
    f = torch.ones(3)
    with torch.inference_mode():
        upfirdn2d(torch.ones(1, 1, 7, 7), f)
    x = torch.ones(1, 1, 7, 7, requires_grad=True)
    upfirdn2d(x, f).sum().backward()
    assert x.grad is not None
    assert x.grad[0, 0, 3, 3] == 9


def test_bad_inputs():
    x = torch.zeros(1, 1, 4, 4)
    with pytest.raises(ValueError, match=r"shape \(B, C, H, W\), got shape \(4, 4\)"):
        upfirdn2d(x[0, 0], None)
    with pytest.raises(ValueError, match="at least as large as the filter"):
        upfirdn2d(x, torch.ones(6))
    with pytest.raises(ValueError, match="up factors of at least 1, got 0"):
        upfirdn2d(x, None, up=0)
    with pytest.raises(ValueError, match="one, two or four numbers"):
        upfirdn2d(x, None, padding=[1, 2, 3])
    with pytest.raises(ValueError, match="back end among .* got 'cuda'"):
        upfirdn2d(x, None, backend="cuda")
    with pytest.raises(ValueError, match=r"got shape \(1, 1, 1\)"):
        setup_filter(torch.ones(1, 1, 1))

"""Filtered leaky ReLU, bias and activation, modulated and resampling convolutions."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from ssgnet_monai.ops import bias_act, conv2d_resample, filtered_lrelu, modulated_conv2d, setup_filter


def test_without_filters_it_is_a_clamped_leaky_relu():
    x = torch.tensor([-10.0, -1.0, 0.5, 4.0]).reshape(1, 1, 2, 2)
    y = filtered_lrelu(x, b=torch.tensor([1.0]), gain=2.0, clamp=3.0)
    assert y.flatten().tolist() == pytest.approx([-3.0, 0.0, 3.0, 3.0])
    assert x.flatten().tolist() == [-10.0, -1.0, 0.5, 4.0], "the input is left alone"


@pytest.mark.parametrize("clamp", [None, 0.4, 256])
@pytest.mark.parametrize("gain", [math.sqrt(2), -1.0])
def test_back_ends_agree(clamp, gain):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 10, 7, generator=generator, dtype=torch.float64)
    fu, fd = setup_filter(torch.rand(12, generator=generator)), setup_filter(torch.rand(12, generator=generator))
    b = torch.randn(3, generator=generator, dtype=torch.float64)
    outcome = []
    for backend in ("matrix", "reference"):
        leaf = x.clone().requires_grad_()
        y = filtered_lrelu(leaf, fu, fd, b, up=2, down=2, padding=[9, 8, 7, 6], gain=gain, clamp=clamp, backend=backend)
        (gradient,) = torch.autograd.grad(y.square().sum(), leaf)
        outcome.append((y, gradient))
    for matrix, reference in zip(*outcome, strict=True):
        torch.testing.assert_close(matrix, reference, atol=1e-5, rtol=1e-5)


def test_bias_act():
    x = torch.tensor([[1.0, -1.0]])
    y = bias_act(x, torch.tensor([1.0, -1.0]), act="lrelu")
    assert y[0].tolist() == pytest.approx([2 * math.sqrt(2), -0.4 * math.sqrt(2)])
    with pytest.raises(ValueError, match=r"bias of shape \(2,\), got \(3,\)"):
        bias_act(x, torch.zeros(3))
    with pytest.raises(ValueError, match="activation among .*lrelu.* got 'gelu'"):
        bias_act(x, act="gelu")


@pytest.mark.parametrize(("channels", "size"), [((16, 32), 24), ((3, 5), 24), ((32, 32), 4)])
def test_modulated_convolution_equals_one_convolution_a_sample(channels, size):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, channels[0], size, size, generator=generator)
    w = torch.randn(channels[1], channels[0], 3, 3, generator=generator)
    s = torch.randn(2, channels[0], generator=generator)
    b = torch.randn(channels[1], generator=generator)
    y = modulated_conv2d(x, w, s, padding=2, input_gain=0.5, bias=b)
    for i in range(2):
        scaled = w * s[i, None, :, None, None]
        scaled = 0.5 * scaled / scaled.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()
        torch.testing.assert_close(y[i : i + 1], F.conv2d(x[i : i + 1], scaled, b, padding=2), atol=1e-5, rtol=1e-4)


def test_modulated_convolution_names_wrong_shapes():
    with pytest.raises(ValueError, match=r"styles \(1, 3\).* got \(2, 3, 1, 1\) and \(1, 4\)"):
        modulated_conv2d(torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 1, 1), torch.zeros(1, 4))


def test_pointwise_downsampling_commutes_with_its_convolution():
    generator = torch.Generator().manual_seed(2)
    x, w = torch.randn(1, 4, 9, 12, generator=generator), torch.randn(3, 4, 1, 1, generator=generator)
    f = setup_filter([1, 3, 3, 1])
    y = conv2d_resample(x, w, f, down=2)
    torch.testing.assert_close(y, conv2d_resample(F.conv2d(x, w), torch.eye(3)[..., None, None], f, down=2))

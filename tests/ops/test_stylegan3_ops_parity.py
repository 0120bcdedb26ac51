"""StyleGAN3's tensor functions against numbers of the public reference implementation."""

from __future__ import annotations

import pytest
import torch

from ssgnet_monai.ops import (
    bias_act,
    conv2d_resample,
    filtered_lrelu,
    modulated_conv2d,
    setup_filter,
    upfirdn2d,
)

TOLERANCE = {"atol": 1e-5, "rtol": 1e-4}


def cases(parity, *ops):
    found = [case for case in parity("stylegan3_ops.pt") if case["op"] in ops]
    assert found
    return found


def arguments(case, *names):
    return {name: case[name] for name in names}


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_upfirdn2d(parity, backend):
    for case in cases(parity, "upfirdn2d"):
        x = case["x"].clone().requires_grad_()
        y = upfirdn2d(x, **arguments(case, "f", "up", "down", "padding", "flip_filter", "gain"), backend=backend)
        torch.testing.assert_close(y, case["y"], **TOLERANCE)
        (dx,) = torch.autograd.grad(y, x, case["dy"])
        torch.testing.assert_close(dx, case["dx"], **TOLERANCE)


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_filtered_lrelu(parity, backend):
    names = ("fu", "fd", "up", "down", "padding", "gain", "slope", "clamp")
    for case in cases(parity, "filtered_lrelu"):
        x, b = case["x"].clone().requires_grad_(), case["b"].clone().requires_grad_()
        y = filtered_lrelu(x, b=b, **arguments(case, *names), backend=backend)
        torch.testing.assert_close(y, case["y"], **TOLERANCE)
        dx, db = torch.autograd.grad(y, (x, b), case["dy"])
        torch.testing.assert_close(dx, case["dx"], **TOLERANCE)
        torch.testing.assert_close(db, case["db"], **TOLERANCE)


def test_bias_act(parity):
    for case in cases(parity, "bias_act"):
        y = bias_act(case["x"], case["b"], **arguments(case, "act", "alpha", "gain", "clamp"))
        torch.testing.assert_close(y, case["y"], **TOLERANCE)


@pytest.mark.parametrize("per_sample", [False, True])
def test_modulated_conv2d(parity, per_sample):
    for case in cases(parity, "modulated_conv2d_sg3"):
        y = modulated_conv2d(
            *(case[name] for name in "xws"),
            **arguments(case, "demodulate", "padding", "input_gain"),
            per_sample=per_sample,
        )
        torch.testing.assert_close(y, case["y"], **TOLERANCE)


def test_conv2d_resample(parity):
    for case in cases(parity, "conv2d_resample"):
        y = conv2d_resample(*(case[name] for name in "xwf"), **arguments(case, "up", "down", "padding", "flip_weight"))
        torch.testing.assert_close(y, case["y"], **TOLERANCE)


def test_setup_filter(parity):
    for case in cases(parity, "setup_filter"):
        torch.testing.assert_close(setup_filter(case["taps"]), case["y"], **TOLERANCE)

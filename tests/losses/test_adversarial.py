"""Adversarial losses against their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from ssgnet_monai.losses import (
    discriminator_fake_loss,
    discriminator_real_loss,
    generator_loss,
    r1_penalty,
    suggested_r1_gamma,
)


def test_hand_computed_losses():
    logits = torch.tensor([[0.0], [2.0]])
    real = (math.log(2) + math.log(1 + math.exp(-2))) / 2
    fake = (math.log(2) + math.log(1 + math.exp(2))) / 2
    assert generator_loss(logits).item() == pytest.approx(real)
    assert discriminator_real_loss(logits).item() == pytest.approx(real)
    assert discriminator_fake_loss(logits).item() == pytest.approx(fake)


def test_r1_of_a_linear_discriminator_is_its_squared_weight():
    weight = torch.tensor([1.0, -2.0, 3.0, 0.5], requires_grad=True)
    real = torch.randn(5, 1, 2, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    penalty = r1_penalty(real.flatten(1) @ weight[:, None], real)
    torch.testing.assert_close(penalty, weight.square().sum().expand(5))
    penalty.mean().backward()
    torch.testing.assert_close(weight.grad, 2 * weight.detach())


def test_r1_needs_images_with_gradient():
    real = torch.zeros(1, 1, 2, 2)
    with pytest.raises(ValueError, match="require a gradient"):
        r1_penalty(real.flatten(1), real)


@pytest.mark.parametrize(
    ("size", "batch", "gamma"), [(128, 32, 0.5), (256, 32, 2), (512, 32, 8.2), (1024, 32, 32.8), (256, 8, 8.2)]
)
def test_suggested_r1_gamma_gives_the_published_values(size, batch, gamma):
    assert suggested_r1_gamma(size, batch) == pytest.approx(gamma, rel=0.03)

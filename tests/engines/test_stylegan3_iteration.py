"""The training step: order, accumulation, cleaning of gradients, what may and may not change."""

from __future__ import annotations

import copy

import pytest
import torch

from ssgnet_monai.engines import stylegan3_optimizers, stylegan3_step
from ssgnet_monai.networks.stylegan3 import Discriminator, Generator


def setting(c_dim=0, **changes):
    torch.manual_seed(0)
    generator = Generator(4, c_dim, 4, 16, 1, channel_max=4, num_layers=3, num_critical=1, margin_size=1)
    discriminator = Discriminator(c_dim, 16, 1, channel_max=4, **changes)
    draw = torch.Generator().manual_seed(1)
    batch = (torch.randn(4, 1, 16, 16, generator=draw), *torch.randn(2, 4, 4, generator=draw))
    return generator, discriminator, stylegan3_optimizers(generator, discriminator), batch


def test_optimisers_are_corrected_for_the_regularisation_step():
    g_optimizer, d_optimizer = setting()[2]
    assert g_optimizer.defaults["betas"] == (0.0, 0.99)
    assert g_optimizer.defaults["lr"] == 0.0025
    assert d_optimizer.defaults["lr"] == pytest.approx(0.002 * 16 / 17)
    assert d_optimizer.defaults["betas"] == (0.0, pytest.approx(0.99 ** (16 / 17)))


@pytest.mark.parametrize("r1_now", [False, True])
def test_order_of_calls_and_returned_numbers(r1_now):
    generator, discriminator, optimizers, batch = setting()
    events = []
    for name, optimizer in zip("GD", optimizers, strict=True):
        optimizer.register_step_pre_hook(lambda *_, name=name: events.append(f"step {name}"))
    generator.register_forward_pre_hook(
        lambda module, args, kwargs: events.append(f"G emas={kwargs.get('update_emas', False)}"), with_kwargs=True
    )
    discriminator.register_forward_pre_hook(lambda module, args: events.append("D"))
    seen = []
    losses = stylegan3_step(
        generator,
        discriminator,
        *optimizers,
        *batch,
        r1_gamma=1.0,
        r1_now=r1_now,
        augment=lambda images: seen.append(images) or images,
    )
    expected = ["G emas=False", "D", "step G", "G emas=True", "D", "D", "step D"] + ["D", "step D"] * r1_now
    assert events == expected
    assert len(seen) == 3 + r1_now
    assert set(losses) == {"loss_g", "loss_d", "real_sign"} | ({"r1"} if r1_now else set())
    assert all(value.ndim == 0 and not value.requires_grad and value.isfinite() for value in losses.values())
    assert -1 <= losses["real_sign"] <= 1
    assert all(p.grad is None and p.requires_grad for p in [*generator.parameters(), *discriminator.parameters()])


def test_accumulation_equals_the_whole_batch():
    # one sample a group, and eval-like independence: only then has the batch no statistics across samples
    outcome = []
    for micro_batch in (None, 3):
        generator, discriminator, optimizers, batch = setting(mbstd_group_size=1)
        losses = stylegan3_step(
            generator, discriminator, *optimizers, *batch, r1_gamma=1.0, r1_now=True, micro_batch=micro_batch
        )
        outcome.append((losses, generator.state_dict(), discriminator.state_dict()))
    (losses, g, d), (split_losses, split_g, split_d) = outcome
    for name, value in losses.items():
        torch.testing.assert_close(split_losses[name], value, atol=1e-3, rtol=1e-3)
    for whole, split in ((g, split_g), (d, split_d)):
        for key, value in whole.items():
            if not key.endswith(("magnitude_ema", "w_avg")):
                # Adam's first step is lr * sign(gradient), so gradients around zero may differ by twice that
                assert (split[key] - value).abs().mean() < 2e-4, key


def test_classes_and_frozen_layers():
    generator, discriminator, optimizers, batch = setting(c_dim=2)
    discriminator.b16.requires_grad_(False)
    frozen = copy.deepcopy(discriminator.b16.state_dict())
    c = torch.eye(2)[[0, 1, 1, 0]]
    stylegan3_step(generator, discriminator, *optimizers, *batch, r1_gamma=0.1, r1_now=True, c=c)
    assert all(torch.equal(value, frozen[key]) for key, value in discriminator.b16.state_dict().items())
    assert not any(p.requires_grad for p in discriminator.b16.parameters())
    assert all(p.requires_grad for p in discriminator.b8.parameters())


def test_broken_gradients_do_not_break_the_weights():
    generator, discriminator, optimizers, batch = setting()
    generator.synthesis.input.weight.register_hook(lambda gradient: torch.full_like(gradient, float("nan")))
    generator.mapping.fc0.bias.register_hook(lambda gradient: torch.full_like(gradient, float("inf")))
    before = generator.synthesis.input.weight.detach().clone()
    bias = generator.mapping.fc0.bias.detach().clone()
    stylegan3_step(generator, discriminator, *optimizers, *batch, r1_gamma=0.1, r1_now=False)
    assert all(value.isfinite().all() for value in generator.state_dict().values())
    assert torch.equal(generator.synthesis.input.weight, before)
    torch.testing.assert_close(generator.mapping.fc0.bias, bias - 0.0025, atol=1e-6, rtol=0)


def test_disagreeing_batches_are_named():
    generator, discriminator, optimizers, (real, z_g, z_d) = setting()
    with pytest.raises(ValueError, match=r"'real': 4, 'z_g': 2"):
        stylegan3_step(generator, discriminator, *optimizers, real, z_g[:2], z_d, r1_gamma=1, r1_now=False)
    with pytest.raises(ValueError, match="micro_batch of at least 1, got 0"):
        stylegan3_step(generator, discriminator, *optimizers, real, z_g, z_d, r1_gamma=1, r1_now=False, micro_batch=0)


@pytest.mark.parametrize("interval", [4, 16])
def test_one_interval_weighs_the_penalty_and_corrects_the_optimiser(interval):
    generator, discriminator, _, batch = setting()
    optimizers = stylegan3_optimizers(generator, discriminator, d_lr=0.002, r1_interval=interval)
    assert optimizers[1].defaults["lr"] == pytest.approx(0.002 * interval / (interval + 1))
    assert optimizers[1].defaults["betas"][1] == pytest.approx(0.99 ** (interval / (interval + 1)))
    gradients, weight = [], discriminator.b16.conv1.weight
    optimizers[1].register_step_pre_hook(lambda *_: gradients.append(weight.grad.clone()))
    real = batch[0].clone().requires_grad_()
    for group in optimizers[1].param_groups:
        group["lr"] = 0.0  # the discriminator stays what the gradient by hand is taken of
    stylegan3_step(generator, discriminator, *optimizers, *batch, r1_gamma=3.0, r1_now=True, r1_interval=interval)
    (slope,) = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)
    penalty = slope.square().sum(dim=(1, 2, 3)).mean()
    (expected,) = torch.autograd.grad(penalty * (3.0 / 2 * interval), weight)
    torch.testing.assert_close(gradients[-1], expected, rtol=1e-4, atol=1e-7)


def test_an_interval_below_one_is_refused():
    generator, discriminator, _, _ = setting()
    with pytest.raises(ValueError, match="r1_interval of at least 1, got 0"):
        stylegan3_optimizers(generator, discriminator, r1_interval=0)

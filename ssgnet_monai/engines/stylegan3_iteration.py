"""One training iteration of StyleGAN3: generator step, discriminator step, now and then an R1 step."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.optim import Adam, Optimizer

from ssgnet_monai.losses.adversarial import (
    discriminator_fake_loss,
    discriminator_real_loss,
    generator_loss,
    r1_penalty,
)
from ssgnet_monai.ops.ranks import average_gradients, mean_over_ranks

R1_INTERVAL = 16


def stylegan3_optimizers(
    generator: nn.Module,
    discriminator: nn.Module,
    g_lr: float = 0.0025,
    d_lr: float = 0.002,
    r1_interval: int = R1_INTERVAL,
) -> tuple[Adam, Adam]:
    """Adam for both networks; the discriminator's is corrected for its extra R1 step every ``r1_interval`` iterations.

    With c = 16 / 17, of an interval of 16, it gets ``lr * c`` and ``betas ** c``, so that 17 steps weigh as 16.

    Args:
        generator: network with parameters on a CPU or CUDA device.
        discriminator: likewise.
        g_lr: learning rate of the generator, per step.
        d_lr: learning rate of the discriminator before the correction.
        r1_interval: iterations between R1 steps, at least 1.

    Returns:
        (generator's optimiser, discriminator's optimiser).

    Raises:
        ValueError: an interval below 1.

    Source: Karras et al. 2020 (StyleGAN2), appendix B (lazy regularisation).
    """
    if r1_interval < 1:
        raise ValueError(f"Expected r1_interval of at least 1, got {r1_interval}.")
    correction = r1_interval / (r1_interval + 1)
    return (
        _adam(generator, g_lr, (0.0, 0.99)),
        _adam(discriminator, d_lr * correction, (0.0, 0.99**correction)),
    )


def stylegan3_step(
    generator: nn.Module,
    discriminator: nn.Module,
    g_optimizer: Optimizer,
    d_optimizer: Optimizer,
    real: torch.Tensor,
    z_g: torch.Tensor,
    z_d: torch.Tensor,
    *,
    r1_gamma: float,
    r1_now: bool,
    r1_interval: int = R1_INTERVAL,
    augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
    c: torch.Tensor | None = None,
    micro_batch: int | None = None,
) -> dict[str, torch.Tensor]:
    """Run one iteration: G step; D step (fakes, then reals); with ``r1_now`` a separate D step with R1 alone.

    The running means of w and of the layers' magnitudes move in the D step only. Both networks are put in training
    mode. Gradients are averaged over the ranks and cleaned before each step: nan to 0, infinities to +-1e5.

    Args:
        generator: ``generator(z, c, update_emas=...)`` -> images.
        discriminator: ``discriminator(images, c)`` -> logits (B, 1).
        g_optimizer: of the generator's parameters, see :func:`stylegan3_optimizers`.
        d_optimizer: of the discriminator's parameters.
        real: real images (B, C, R, R), float32, [-1, 1].
        z_g: latents (B, z_dim) of the generator's step.
        z_d: latents (B, z_dim) of the discriminator's step.
        r1_gamma: weight of R1 (``gamma / 2 * |grad D|^2``).
        r1_now: do the R1 step; true when the iteration's index is a multiple of ``r1_interval``.
        r1_interval: iterations between R1 steps: the gain of R1's loss, and what the optimisers were made for.
        augment: images -> images, applied to everything the discriminator sees.
        c: classes (B, c_dim) of the real images, used for the generated ones too.
        micro_batch: images per forward and backward pass; gradients accumulate to those of the whole batch (apart
            from statistics over the batch). None is the whole batch.

    Returns:
        Detached scalars on the networks' device: ``loss_g``, ``loss_d`` (fakes plus reals), ``real_sign`` (mean sign of
        the real logits in [-1, 1]), and ``r1`` (mean squared gradient norm, without gamma) when ``r1_now``. They are
        means over all ranks.

    Raises:
        ValueError: when batch sizes disagree or micro_batch is below 1.

    Source: Karras et al. 2021, appendix; Karras et al. 2020 (StyleGAN2), appendix B; Mescheder et al. 2018.
    """
    batch = real.shape[0]
    sizes = {"real": batch, "z_g": z_g.shape[0], "z_d": z_d.shape[0], "c": batch if c is None else c.shape[0]}
    if batch < 1 or len(set(sizes.values())) != 1:
        raise ValueError(f"Expected the same number of images, latents and classes, at least one, got {sizes}.")
    if micro_batch is not None and micro_batch < 1:
        raise ValueError(f"Expected micro_batch of at least 1, got {micro_batch}.")
    generator.train()
    discriminator.train()
    see = augment if augment is not None else _unchanged
    parts = list(_parts(batch, micro_batch or batch))

    trainable = [parameter for parameter in discriminator.parameters() if parameter.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    losses: dict[str, list[torch.Tensor]] = {"loss_g": [], "loss_d": [], "real_sign": []}
    for part, weight in parts:
        classes = None if c is None else c[part]
        fake = generator(z_g[part], classes)
        loss = generator_loss(discriminator(see(fake), classes)) * weight
        loss.backward()
        losses["loss_g"].append(loss.detach())
    _step(g_optimizer)
    for parameter in trainable:
        parameter.requires_grad_(True)

    for index, (part, weight) in enumerate(parts):
        classes = None if c is None else c[part]
        with torch.no_grad():
            # the running means' decay is per iteration, so one micro-batch of each iteration moves them
            fake = generator(z_d[part], classes, update_emas=index == 0)
            fake = see(fake)
        loss = discriminator_fake_loss(discriminator(fake, classes)) * weight
        loss.backward()
        losses["loss_d"].append(loss.detach())
    for part, weight in parts:
        classes = None if c is None else c[part]
        with torch.no_grad():
            images = see(real[part])
        logits = discriminator(images, classes)
        loss = discriminator_real_loss(logits) * weight
        loss.backward()
        losses["loss_d"].append(loss.detach())
        losses["real_sign"].append(logits.detach().sign().mean() * weight)
    _step(d_optimizer)

    if r1_now:
        losses["r1"] = []
        for part, weight in parts:
            classes = None if c is None else c[part]
            images = real[part].detach().clone().requires_grad_()
            penalty = r1_penalty(discriminator(see(images), classes), images).mean() * weight
            (penalty * (r1_gamma / 2 * r1_interval)).backward()
            losses["r1"].append(penalty.detach())
        _step(d_optimizer)
    means = mean_over_ranks(torch.stack([torch.stack(values).sum() for values in losses.values()]))
    return dict(zip(losses, means.unbind(), strict=True))


def _adam(network: nn.Module, lr: float, betas: tuple[float, float]) -> Adam:
    # fused: one call for all parameters; on small networks on the CPU the per-tensor loop costs as much as a pass
    return Adam(network.parameters(), lr=lr, betas=betas, eps=1e-8, fused=True)


def _unchanged(images: torch.Tensor) -> torch.Tensor:
    return images


def _parts(batch: int, size: int) -> Iterator[tuple[slice, float]]:
    """Slices of the batch and their share of it."""
    for start in range(0, batch, size):
        stop = min(start + size, batch)
        yield slice(start, stop), (stop - start) / batch


def _step(optimizer: Optimizer) -> None:
    """Average the gradients over the ranks, clean them, step, and free them."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    average_gradients(parameters)
    for parameter in parameters:
        if parameter.grad is not None:
            torch.nan_to_num(parameter.grad, nan=0.0, posinf=1e5, neginf=-1e5, out=parameter.grad)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)

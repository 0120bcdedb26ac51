"""Ignite/MONAI trainer of StyleGAN3: one iteration is one call of ``stylegan3_step``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from monai.engines import IterationEvents, Trainer
from torch.nn.functional import one_hot

from ssgnet_monai.engines.stylegan3_iteration import stylegan3_step
from ssgnet_monai.networks.stylegan3 import Discriminator, Generator
from ssgnet_monai.ops.ranks import num_ranks, shard


class StyleGAN3Trainer(Trainer):
    """Trains a generator and a discriminator; ``engine.state.output`` holds the losses of the iteration.

    Randomness comes from torch's default generator, which the ``StepSeed`` handler seeds per step.

    Args:
        device: where to train.
        max_epochs: number of epochs (ticks).
        epoch_length: iterations per epoch.
        train_data_loader: yields ``{"image": (B, C, H, W) float32 in [-1, 1], "class": names}``.
        generator: StyleGAN3 generator.
        discriminator: its discriminator.
        g_optimizer: optimiser of the generator.
        d_optimizer: optimiser of the discriminator, already corrected for the lazy R1 step.
        r1_gamma: weight of the R1 penalty.
        r1_interval: iterations between R1 steps; ``stylegan3_optimizers`` takes the same.
        augment: differentiable augmentation of images for the discriminator, or None.
        micro_batch: images per forward pass of a rank; fewer than it has accumulate gradients. None: all of them.
        classes: class names in the order of the one-hot condition; empty for an unconditional generator.
        train_handlers: handlers to attach.

    Source: Karras et al. 2021, appendix G; Karras et al. 2020, "Training GANs with Limited Data".
    """

    def __init__(
        self,
        device: torch.device | str,
        max_epochs: int,
        epoch_length: int,
        train_data_loader: Iterable,
        generator: Generator,
        discriminator: Discriminator,
        g_optimizer: torch.optim.Optimizer,
        d_optimizer: torch.optim.Optimizer,
        r1_gamma: float,
        r1_interval: int = 16,
        augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
        micro_batch: int | None = None,
        classes: Sequence[str] = (),
        train_handlers: Sequence[Any] | None = None,
    ) -> None:
        super().__init__(
            device=device,
            max_epochs=max_epochs,
            epoch_length=epoch_length,
            data_loader=train_data_loader,
            handlers=train_handlers,
            decollate=False,
        )
        self.generator, self.discriminator = generator, discriminator
        self.g_optimizer, self.d_optimizer = g_optimizer, d_optimizer
        self.r1_gamma, self.r1_interval = r1_gamma, r1_interval
        self.augment, self.micro_batch, self.classes = augment, micro_batch, list(classes)

    def _iteration(self, engine: StyleGAN3Trainer, batchdata: dict[str, Any]) -> dict[str, Any]:
        real = batchdata["image"].to(engine.state.device, non_blocking=True)
        latents = torch.randn(2, real.shape[0] * num_ranks(), self.generator.z_dim, device=real.device)
        z_g, z_d = (shard(z) for z in latents)
        self.generator.train()
        self.discriminator.train()
        engine.state.output = stylegan3_step(
            self.generator,
            self.discriminator,
            self.g_optimizer,
            self.d_optimizer,
            real,
            z_g,
            z_d,
            r1_gamma=self.r1_gamma,
            r1_interval=self.r1_interval,
            r1_now=(engine.state.iteration - 1) % self.r1_interval == 0,
            augment=self.augment,
            c=self._condition(batchdata, real.device),
            micro_batch=self.micro_batch,
        )
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output

    def _condition(self, batchdata: dict[str, Any], device: torch.device) -> torch.Tensor | None:
        if not self.classes:
            return None
        index = torch.tensor([self.classes.index(name) for name in batchdata["class"]], device=device)
        return one_hot(index, len(self.classes)).float()

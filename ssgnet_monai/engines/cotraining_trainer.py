"""Ignite/MONAI trainer of two networks that teach each other: one iteration is one call of ``cotraining_step``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import torch
from monai.engines import IterationEvents, Trainer
from torch.optim import Optimizer

from ssgnet_monai.engines.cotraining_step import CotrainingPlan, Loss, PairedBatch, Predict, cotraining_step
from ssgnet_monai.ops.gaussian_ramp import gaussian_ramp
from ssgnet_monai.transforms.strong_augmentation import PrepareBatch


class CotrainingTrainer(Trainer):
    """Trains a network and its partner; ``engine.state.output`` holds the losses of the iteration.

    The learning rate of the partner is that of the network at every step, so one schedule serves both. Randomness comes
    from torch's default generator, which the ``StepSeed`` handler seeds per step.

    Args:
        device: where to train.
        max_epochs: number of epochs.
        epoch_length: iterations per epoch.
        train_data_loader: over a ``PairedStream``.
        network: what is validated and kept as the model; it always sees whole crops.
        partner: the other one, of as many classes, that begins with other weights.
        optimizer: of the network.
        partner_optimizer: of the partner, see ``partner_optimizer``.
        loss: of labelled images.
        pseudo_loss: of pseudo-labels.
        plan: weights and sources of the pseudo-labels.
        unsup_weight: of the pseudo-labels, once the warm-up is over.
        ramp_steps: length of the warm-up.
        inferer: applies a network to images.
        prepare_batch: augments labelled images.
        student_augmentation: also of the unlabelled images, with the labels that were made before; None: none.
        amp: mixed precision, on CUDA.
        train_handlers: handlers to attach.

    Raises:
        ValueError: a negative weight.

    Source: Kumari & Singh 2024 (arXiv 2405.07256).
    """

    def __init__(
        self,
        device: torch.device | str,
        max_epochs: int,
        epoch_length: int,
        train_data_loader: Iterable,
        network: torch.nn.Module,
        partner: torch.nn.Module,
        optimizer: Optimizer,
        partner_optimizer: Optimizer,
        loss: Loss,
        pseudo_loss: Loss,
        inferer: Predict,
        prepare_batch: PrepareBatch,
        plan: CotrainingPlan,
        unsup_weight: float = 1.0,
        ramp_steps: int = 0,
        student_augmentation: PrepareBatch | None = None,
        amp: bool = False,
        train_handlers: Sequence[Any] | None = None,
    ) -> None:
        super().__init__(
            device=device,
            max_epochs=max_epochs,
            epoch_length=epoch_length,
            data_loader=train_data_loader,
            handlers=train_handlers,
            amp=amp,
            decollate=False,
        )
        if not unsup_weight >= 0:
            raise ValueError(f"Expected unsup_weight >= 0, got {unsup_weight}. 0 switches the pseudo-labels off.")
        self.networks, self.optimizers = (network, partner), (optimizer, partner_optimizer)
        self.losses: dict[str, Loss] = {"loss": loss, "pseudo_loss": pseudo_loss}
        self.inferer, self.augment_labeled, self.student_augmentation = inferer, prepare_batch, student_augmentation
        self.plan, self.unsup_weight, self.ramp_steps = plan, unsup_weight, ramp_steps

    def _iteration(self, engine: CotrainingTrainer, batchdata: dict[str, Any]) -> dict[str, Any]:
        device = engine.state.device
        image, label = self.augment_labeled(batchdata, device, non_blocking=True)
        others = (batchdata[key].to(device, non_blocking=True) for key in ("unlabeled", "shifted", "offset"))
        for group, of_partner in zip(*(one.param_groups for one in self.optimizers), strict=False):
            of_partner["lr"] = group["lr"]
        engine.state.output = cotraining_step(
            self.networks,
            self.optimizers,
            PairedBatch(image, label, *others),
            self.unsup_weight * gaussian_ramp(engine.state.iteration - 1, self.ramp_steps),
            self.plan,
            **self.losses,
            predict=self.inferer,
            augment=None if self.student_augmentation is None else partial(_harder, self.student_augmentation),
            scaler=self.scaler,
        )
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output


def _harder(change: PrepareBatch, images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return change({"image": images, "label": labels.float()}, images.device)

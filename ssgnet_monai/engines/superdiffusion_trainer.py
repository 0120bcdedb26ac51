"""Ignite/MONAI trainer of a diffusion teacher, alone or together with its student."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from monai.engines import IterationEvents, Trainer

from ssgnet_monai.data.label_space import IGNORED
from ssgnet_monai.engines.superdiffusion_step import Loss, SuperDiffusionPlan, cotraining_losses, pretraining_loss
from ssgnet_monai.networks.diffusion_reconstructor import DiffusionReconstructor
from ssgnet_monai.networks.diffusion_segmenter import DiffusionSegmenter
from ssgnet_monai.ops.ranks import average_gradients
from ssgnet_monai.transforms.strong_augmentation import PrepareBatch

Parts = Iterator[dict[str, torch.Tensor]]


class SuperDiffusionTrainer(Trainer):
    """Trains all networks of a method by one optimiser; ``engine.state.output`` holds the losses of the iteration.

    Randomness comes from torch's default generator, which the ``StepSeed`` handler seeds per step.

    Args:
        device: where to train.
        max_epochs: number of epochs.
        epoch_length: iterations per epoch.
        train_data_loader: of what the method takes.
        method: ``TeacherPretraining`` or ``StudentTeacherTraining``.
        optimizer: of all its networks.
        train_handlers: handlers to attach.
    """

    def __init__(
        self,
        device: torch.device | str,
        max_epochs: int,
        epoch_length: int,
        train_data_loader: Iterable,
        method: TeacherPretraining | StudentTeacherTraining,
        optimizer: torch.optim.Optimizer,
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
        self.method, self.optimizer = method, optimizer

    def _iteration(self, engine: SuperDiffusionTrainer, batchdata: dict[str, Any]) -> dict[str, Any]:
        state = engine.state
        for network in self.method.networks:
            network.train()
        self.optimizer.zero_grad(set_to_none=True)
        losses: dict[str, torch.Tensor] = {}
        for part in self.method.losses(batchdata, state.device, state.iteration):
            torch.stack(list(part.values())).sum().backward()
            for name, value in part.items():
                losses[name] = losses.get(name, 0) + value.detach()
        average_gradients(p for group in self.optimizer.param_groups for p in group["params"])
        self.optimizer.step()
        state.output = {"loss": torch.stack(list(losses.values())).sum(), **losses}
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return state.output


class TeacherPretraining:
    """The first stage: a teacher learns masks from images alone.

    Args:
        teacher: its mask pathway.
        reconstructor: its image pathway.
        prepare_batch: moves images to the device and augments them.
    """

    def __init__(
        self, teacher: DiffusionSegmenter, reconstructor: DiffusionReconstructor, prepare_batch: PrepareBatch
    ) -> None:
        self.networks, self.prepare_batch = (teacher, reconstructor), prepare_batch

    def losses(self, batchdata: dict[str, Any], device: torch.device, iteration: int) -> Parts:
        """Of a batch with "image" (B, C, ...); see ``pretraining_loss``."""
        images, _ = self.prepare_batch(_unlabeled(batchdata["image"]), device)
        yield {"reconstruction": pretraining_loss(*self.networks, images)}


class StudentTeacherTraining:
    """The second stage: student and teacher learn from masks and from each other.

    Args:
        student: what is validated and kept as the model.
        teacher: its mask pathway.
        reconstructor: the teacher's image pathway.
        loss: see ``cotraining_losses``.
        prepare_batch: moves images and masks to the device and augments them.
        plan: rounds and their weight.
        unsup_weight: of the unlabelled images at the end of the ramp, at least 0.
        ramp_steps: steps over which it grows linearly from 0.

    Raises:
        ValueError: a negative weight.
    """

    def __init__(
        self,
        student: DiffusionSegmenter,
        teacher: DiffusionSegmenter,
        reconstructor: DiffusionReconstructor,
        loss: Loss,
        prepare_batch: PrepareBatch,
        plan: SuperDiffusionPlan,
        unsup_weight: float = 1.0,
        ramp_steps: int = 0,
    ) -> None:
        if not unsup_weight >= 0:
            raise ValueError(f"Expected unsup_weight >= 0, got {unsup_weight}. 0 switches the pseudo-labels off.")
        self.networks = (student, teacher, reconstructor)
        self.loss, self.prepare_batch, self.plan = loss, prepare_batch, plan
        self.unsup_weight, self.ramp_steps = unsup_weight, ramp_steps

    def losses(self, batchdata: dict[str, Any], device: torch.device, iteration: int) -> Parts:
        """Of a batch of ``PairedStream``: "image" and "label", and as many "unlabeled"; see ``cotraining_losses``."""
        others, known = _unlabeled(batchdata["unlabeled"]), len(batchdata["image"])
        both = {key: torch.cat([batchdata[key], others[key].to(batchdata[key])]) for key in ("image", "label")}
        images, masks = self.prepare_batch(both, device)
        weight = self.unsup_weight * min(1.0, iteration / max(1, self.ramp_steps))
        batch = (images[:known], masks[:known], images[known:])
        return cotraining_losses(*self.networks, batch, self.loss, weight, self.plan)


def _unlabeled(images: torch.Tensor) -> dict[str, torch.Tensor]:
    """A batch for augmentation, whose masks say of no pixel what it is."""
    return {"image": images, "label": torch.full_like(images[:, :1], IGNORED)}

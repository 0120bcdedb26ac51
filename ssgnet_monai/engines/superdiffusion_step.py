"""One iteration of a diffusion teacher's pretraining, and of its co-training with a student."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from ssgnet_monai.networks.diffusion_reconstructor import DiffusionReconstructor
from ssgnet_monai.networks.diffusion_segmenter import DiffusionSegmenter, hard_mask_code

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class SuperDiffusionPlan:
    """How teacher and student learn from each other.

    Args:
        rounds: R, at least 0: how often the teacher makes the image again from its mask and segments that.
        chain: each round takes the mask of the one before it; False: all take the first, as the authors' code does.
        gamma: weight of the rounds together.
        ddim_steps: of the pseudo-labels in the mode "denoising".

    Raises:
        ValueError: a negative number, or no step.
    """

    rounds: int = 3
    chain: bool = True
    gamma: float = 1.0
    ddim_steps: int = 4

    def __post_init__(self) -> None:
        if self.rounds < 0 or self.gamma < 0 or self.ddim_steps < 1:
            raise ValueError(
                f"Expected rounds and gamma of at least 0 and ddim_steps of at least 1, got {self.rounds}, "
                f"{self.gamma} and {self.ddim_steps}."
            )


def pretraining_loss(
    teacher: DiffusionSegmenter, reconstructor: DiffusionReconstructor, images: torch.Tensor
) -> torch.Tensor:
    """The error of images that are made again from the teacher's own masks; no label is needed.

    Args:
        teacher: its mask pathway, in training mode.
        reconstructor: its image pathway, likewise.
        images: (B, C, ...) float in [-1, 1].

    Returns:
        Scalar with gradients of both pathways: the mask learns to tell of the image.

    Source: Ciampi et al. 2025 (arXiv 2504.01547), Fig. 2, cycle consistency.
    """
    errors, _ = reconstructor(images, teacher.class_logits(images))
    return errors.mean()


def cotraining_losses(
    student: DiffusionSegmenter,
    teacher: DiffusionSegmenter,
    reconstructor: DiffusionReconstructor,
    batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    loss: Loss,
    unsup_weight: float,
    plan: SuperDiffusionPlan,
) -> Iterator[dict[str, torch.Tensor]]:
    """The loss of one iteration in parts, first that of teacher and student, then one of each round.

    No part needs the graph of another: go back through each as it comes, and the memory does not grow with the rounds.
    Labelled images are learnt with their masks, the others by each network with what the other says of them. The
    student learns from the first part alone; the rounds move the teacher, by its masks of images made again, and the
    reconstructor, by its errors.

    In the mode "denoising" the mask that gets the noise is the target itself, and what one network says is its own
    refined mask, in evaluation mode and without gradient.

    Args:
        student: in training mode.
        teacher: its mask pathway, in training mode.
        reconstructor: its image pathway, likewise.
        batch: labelled images (L, C, ...) in [-1, 1], their masks (L, 1, ...) of class numbers and 255 where nothing is
            known, and unlabelled images (U, C, ...).
        loss: of logits (B, K, ...) and class numbers (B, 1, ...).
        unsup_weight: of the unlabelled images, at least 0.
        plan: rounds and their weight.

    Yields:
        Weighted scalars with gradients: "agreement", then ``rounds`` times "alignment" and "reconstruction". Their sum
        is the iteration's loss.

    Source: Ciampi et al. 2025 (arXiv 2504.01547); Chen et al. 2021, cross pseudo supervision (arXiv 2106.01226).
    """
    labeled, masks, unlabeled = batch
    images, masks, known = torch.cat([labeled, unlabeled]), masks.long(), len(labeled)

    def loss_of(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        return loss(logits[:known], classes[:known]) + unsup_weight * loss(logits[known:], classes[known:])

    if teacher.mode == "denoising":
        by_student, by_teacher = (_refined(network, unlabeled, plan.ddim_steps) for network in (student, teacher))
        for_student, for_teacher = torch.cat([masks, by_teacher]), torch.cat([masks, by_student])
        student_start, teacher_start = (hard_mask_code(y, teacher.num_classes) for y in (for_student, for_teacher))
        s, q = student.class_logits(images, student_start), teacher.class_logits(images, teacher_start)
    else:
        teacher_start = None
        s, q = student.class_logits(images), teacher.class_logits(images)
        by_student, by_teacher = (logits[known:].argmax(1, keepdim=True) for logits in (s, q))
        for_student, for_teacher = torch.cat([masks, by_teacher]), torch.cat([masks, by_student])
    yield {"agreement": loss_of(s, for_student) + loss_of(q, for_teacher)}

    first = current = q.detach()
    for _ in range(plan.rounds):
        errors, images_again = reconstructor(images, current if plan.chain else first)
        logits = teacher.class_logits(images_again, teacher_start)
        error = errors[:known].mean() + unsup_weight * errors[known:].mean()
        share = plan.gamma / plan.rounds
        yield {"alignment": share * loss_of(logits, for_teacher), "reconstruction": share * error}
        current = logits.detach()


@torch.no_grad()
def _refined(network: DiffusionSegmenter, images: torch.Tensor, steps: int) -> torch.Tensor:
    """Class numbers (B, 1, ...) of the network's own way back from noise."""
    network.eval()
    found = network.mean_logits(images, 1, steps).argmax(1, keepdim=True)
    network.train()
    return found

"""Whether the masks that a teacher has learnt without labels tell anything of the images."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from ssgnet_monai.networks.diffusion_segmenter import DiffusionSegmenter

logger = logging.getLogger(__name__)
SMALLEST_SHARE = 0.01
SMALLEST_DEVIATION = 0.01


@dataclass(frozen=True)
class TeacherMasks:
    """How a teacher's masks differ from one image to another.

    Args:
        images: how many were looked at.
        foreground_share: of their pixels, in [0, 1].
        deviation: standard deviation between the images of foreground (1) or not (0), mean over the pixels, in [0, .5].
    """

    images: int
    foreground_share: float
    deviation: float

    @property
    def constant(self) -> bool:
        """Whether all masks are nearly the same, so that co-training would begin with a mask that says nothing."""
        alike = self.deviation < SMALLEST_DEVIATION
        return alike or not SMALLEST_SHARE <= self.foreground_share <= 1 - SMALLEST_SHARE


@torch.no_grad()
def look_at_masks(teacher: DiffusionSegmenter, batches: Iterable[torch.Tensor], name: str = "teacher") -> TeacherMasks:
    """Segment images with a pretrained teacher; masks that are alike for all of them are reported in the log.

    Args:
        teacher: its mask pathway; its mode is restored.
        batches: images (B, C, ...) of one size on the teacher's device.
        name: of the teacher in the log, such as its file.

    Raises:
        ValueError: there are fewer than two images.
    """
    training, images, total = teacher.training, 0, torch.zeros(())
    teacher.eval()
    for batch in batches:
        foreground = teacher.mean_logits(batch, noises=1).argmax(1) > 0
        images, total = images + len(batch), total + foreground.double().sum(0).cpu()
    teacher.train(training)
    if images < 2:
        raise ValueError(f"Expected at least two images to compare the masks of {name}, got {images}.")
    often = total / images
    deviation = (often * (1 - often)).sqrt().mean().item()
    found = TeacherMasks(images, often.mean().item(), deviation)
    if found.constant:
        logger.warning(
            "%s gives nearly the same mask to all of %d images (foreground %.1f %% of the pixels, deviation between "
            "images %.3f): it has learnt to make the image again without its mask. Try image_t_range: upper, the other "
            "mask_code (raw, softmax), or more pretrain_steps; and compare with teacher: random.",
            name,
            images,
            100 * found.foreground_share,
            deviation,
        )
    return found

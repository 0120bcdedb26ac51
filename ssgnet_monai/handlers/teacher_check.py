"""The end of a teacher's pretraining: whether its masks say anything."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from ignite.engine import Engine, Events
from torch.utils.data import Dataset

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.metrics.teacher_masks import look_at_masks
from ssgnet_monai.networks.diffusion_segmenter import DiffusionSegmenter
from ssgnet_monai.ops.ranks import rank

LOOKED_AT = 32


class TeacherCheck:
    """Looks at a pretrained teacher's masks of 32 images, warns where they are alike, and writes what it finds.

    The file holds "images", "foreground_share", "deviation" and "constant", see ``TeacherMasks``.

    Args:
        teacher: its mask pathway.
        dataset: samples with "image" (C, ...) of one size; its first ones are looked at.
        path: the file, JSON.
    """

    def __init__(self, teacher: DiffusionSegmenter, dataset: Dataset, path: str | Path) -> None:
        self.teacher, self.dataset, self.path = teacher, dataset, Path(path)

    def attach(self, engine: Engine) -> None:
        """Register at ``COMPLETED``."""
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        if rank() > 0:
            return
        device = next(self.teacher.parameters()).device
        images = (self.dataset[k]["image"].unsqueeze(0).to(device) for k in range(LOOKED_AT))
        found = look_at_masks(self.teacher, images, "the pretrained teacher")
        write_json(self.path, {**asdict(found), "constant": found.constant})

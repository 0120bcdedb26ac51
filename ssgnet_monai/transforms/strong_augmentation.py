"""Strong augmentation of a whole batch: geometry, mixing of pool images, intensity, blur and noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

PrepareBatch = Callable[..., tuple[torch.Tensor, torch.Tensor]]
ChangeImages = Callable[[torch.Tensor], torch.Tensor]


class StrongAugmentation:
    """A ``prepare_batch`` for MONAI trainers: the noise by which a student learns more than its teacher knew.

    Images are moved first, then mixed, and a change of values runs over the mixed image as a whole. Everything is done
    to the batch at once, on its device. What is left out (None) is not done.

    Args:
        geometry: moves image and label to the device and in space: ``BatchFlipRotate``, in 3-D ``BatchFlipTurn``.
        mixing: of the images that ``from_pool`` of the batch names; without that entry nothing is mixed.
        intensity: of brightness, contrast and colour.
        blur_noise: of sharpness and noise.

    Source: strong augmentation of the student's images as in Noisy Student (Xie et al. 2020), ST++ (Yang et al. 2022)
        and UniMatch (Yang et al. 2023); the parts name their own.
    """

    def __init__(
        self,
        geometry: PrepareBatch,
        mixing: Callable[..., tuple[torch.Tensor, torch.Tensor]] | None = None,
        intensity: ChangeImages | None = None,
        blur_noise: ChangeImages | None = None,
    ) -> None:
        self.geometry, self.mixing, self.intensity, self.blur_noise = geometry, mixing, intensity, blur_noise

    def __call__(
        self, batchdata: dict[str, Any], device: torch.device | str, non_blocking: bool = False, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (image, label), augmented, on ``device``."""
        image, label = self.geometry(batchdata, device, non_blocking, **kwargs)
        from_pool = batchdata.get("from_pool")
        if self.mixing is not None and from_pool is not None:
            image, label = self.mixing(image, label, from_pool.cpu())
        for change in (self.intensity, self.blur_noise):
            image = image if change is None else change(image)
        return image, label

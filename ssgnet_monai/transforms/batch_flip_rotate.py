"""Random flips and rotation of a whole batch in one resampling, on the batch's device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from ssgnet_monai.ops.ranks import num_ranks, shard


class BatchFlipRotate:
    """A ``prepare_batch`` for MONAI trainers: moves a batch to the device and augments image and label together.

    Each sample is flipped along each axis with probability ``flip_prob`` and rotated by a uniform angle with
    probability ``rotate_prob``. Draws come from torch's default generator on the CPU (seed it per step). Image:
    bilinear, reflected border. Label masks: nearest, so values stay as they are; class numbers (B,) are left alone.

    Args:
        flip_prob: probability of each flip, or (left-right, up-down), in [0, 1].
        rotate_prob: probability of a rotation, in [0, 1].
        max_angle: largest rotation angle, degrees.

    Source: SSGNet (BMVC 2025), training of the segmenters: flips with p .5, rotation 0-360 degrees with p .5.
    """

    def __init__(
        self, flip_prob: float | Sequence[float] = 0.5, rotate_prob: float = 0.5, max_angle: float = 180.0
    ) -> None:
        horizontal, vertical = flip_prob if isinstance(flip_prob, Sequence) else (flip_prob, flip_prob)
        for name, value in (("flip_prob", horizontal), ("flip_prob", vertical), ("rotate_prob", rotate_prob)):
            if not 0 <= value <= 1:
                raise ValueError(f"Expected {name} in [0, 1], got {value}.")
        self.flip_probs, self.rotate_prob, self.max_angle = (horizontal, vertical), rotate_prob, max_angle

    def sample_parameters(self, n: int) -> torch.Tensor:
        """Draw ``n`` matrices: (n, 2, 2) float32, output coordinates to input coordinates."""
        u = shard(torch.rand(n * num_ranks(), 4))
        angle = (2 * u[:, 0] - 1) * math.radians(self.max_angle) * (u[:, 1] < self.rotate_prob)
        sign_x = 1 - 2 * (u[:, 2] < self.flip_probs[0]).float()
        sign_y = 1 - 2 * (u[:, 3] < self.flip_probs[1]).float()
        cos, sin = angle.cos(), angle.sin()
        return torch.stack([cos * sign_x, -sin * sign_y, sin * sign_x, cos * sign_y], dim=1).reshape(n, 2, 2)

    def apply(self, images: torch.Tensor, matrices: torch.Tensor, mode: str) -> torch.Tensor:
        """Resample images (B, C, H, W) by matrices (B, 2, 2), rotating in pixels whatever the aspect ratio."""
        height, width = images.shape[-2:]
        scale = torch.tensor([width, height], dtype=matrices.dtype)
        theta = functional.pad(matrices * scale[None, None, :] / scale[None, :, None], (0, 1)).to(images.device)
        grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
        return functional.grid_sample(images, grid, mode=mode, padding_mode="reflection", align_corners=False)

    def __call__(
        self, batchdata: dict[str, Any], device: torch.device | str, non_blocking: bool = False, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (image, label), augmented, on ``device``."""
        image = batchdata["image"].to(device, non_blocking=non_blocking, **kwargs)
        label = batchdata["label"].to(device, non_blocking=non_blocking, **kwargs)
        matrices = self.sample_parameters(len(image))
        if label.ndim > 1:
            label = self.apply(label, matrices, "nearest")
        return self.apply(image, matrices, "bilinear"), label

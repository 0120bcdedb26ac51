"""Random flips, rotation and scaling of a whole batch in one resampling, on the batch's device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from ssgnet_monai.transforms.augmentation_draws import check_bounds, check_probabilities, scalings, uniform


class BatchFlipRotate:
    """A ``prepare_batch`` for MONAI trainers: moves a batch to the device and augments image and label together.

    Each sample is flipped along each axis with probability ``flip_prob``, rotated by a uniform angle with probability
    ``rotate_prob``, and scaled with probability ``scale_prob``: enlarged, a part of it at a random place is seen;
    reduced, it lies at a random place. Draws come from torch's default generator on the CPU (seed it per step). Image:
    bilinear, reflected border. Label masks: nearest, so values stay as they are; class numbers (B,) are left alone.

    Args:
        flip_prob: probability of each flip, or (left-right, up-down), in [0, 1].
        rotate_prob: probability of a rotation, in [0, 1].
        max_angle: largest rotation angle, degrees.
        scale: [low, high] of the factor; 1, 1: no scaling.
        scale_prob: probability of a scaling, in [0, 1].

    Raises:
        ValueError: a setting is outside its range.

    Source: SSGNet (BMVC 2025), training of the segmenters: flips with p .5, rotation 0-360 degrees with p .5; nnU-Net
        (Isensee et al. 2021): scaling by .7 to 1.4.
    """

    def __init__(
        self,
        flip_prob: float | Sequence[float] = 0.5,
        rotate_prob: float = 0.5,
        max_angle: float = 180.0,
        scale: Sequence[float] = (1.0, 1.0),
        scale_prob: float = 0.5,
    ) -> None:
        horizontal, vertical = flip_prob if isinstance(flip_prob, Sequence) else (flip_prob, flip_prob)
        for flip in (horizontal, vertical):
            check_probabilities(flip_prob=flip, rotate_prob=rotate_prob, scale_prob=scale_prob)
        check_bounds(scale=scale)
        self.flip_probs, self.rotate_prob, self.max_angle = (horizontal, vertical), rotate_prob, max_angle
        self.scale, self.scale_prob = tuple(scale), scale_prob

    def sample_parameters(self, n: int) -> torch.Tensor:
        """Draw ``n`` maps of output to input coordinates.

        Returns:
            (n, 2, 3) float32: a matrix in pixels, and a shift in half sides of the image.
        """
        u = uniform(n, 4)
        angle = (2 * u[:, 0] - 1) * math.radians(self.max_angle) * (u[:, 1] < self.rotate_prob)
        sign_x = 1 - 2 * (u[:, 2] < self.flip_probs[0]).float()
        sign_y = 1 - 2 * (u[:, 3] < self.flip_probs[1]).float()
        cos, sin = angle.cos(), angle.sin()
        matrices = torch.stack([cos * sign_x, -sin * sign_y, sin * sign_x, cos * sign_y], dim=1).reshape(n, 2, 2)
        if self.scale == (1, 1):
            return functional.pad(matrices, (0, 1))
        reach, shift = scalings(n, 2, self.scale, self.scale_prob)
        return torch.cat([matrices * reach[:, :, None], shift[:, :, None]], dim=2)

    def apply(self, images: torch.Tensor, maps: torch.Tensor, mode: str) -> torch.Tensor:
        """Resample images (B, C, H, W) by maps (B, 2, 3), rotating in pixels whatever the aspect ratio."""
        height, width = images.shape[-2:]
        sides = torch.tensor([width, height], dtype=maps.dtype)
        matrices = maps[:, :, :2] * sides[None, None, :] / sides[None, :, None]
        theta = torch.cat([matrices, maps[:, :, 2:]], dim=2).to(images.device)
        grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
        return functional.grid_sample(images, grid, mode=mode, padding_mode="reflection", align_corners=False)

    def __call__(
        self, batchdata: dict[str, Any], device: torch.device | str, non_blocking: bool = False, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (image, label), augmented, on ``device``."""
        image = batchdata["image"].to(device, non_blocking=non_blocking, **kwargs)
        label = batchdata["label"].to(device, non_blocking=non_blocking, **kwargs)
        maps = self.sample_parameters(len(image))
        if label.ndim > 1:
            label = self.apply(label, maps, "nearest")
        return self.apply(image, maps, "bilinear"), label

"""Random flips and quarter turns of a whole batch of volumes, exact, and scaling, on the batch's device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from ssgnet_monai.transforms.augmentation_draws import check_bounds, check_probabilities, scalings, uniform


class BatchFlipTurn:
    """A ``prepare_batch`` for MONAI trainers: moves a batch to the device and flips and turns image and label together.

    Each sample is flipped along each named axis with probability 1/2 and turned in each named plane by 0, 90, 180 or
    270 degrees, all as likely; nothing is interpolated. With probability ``scale_prob`` it is then scaled: enlarged, a
    part of it at a random place is seen; reduced, it lies at a random place (trilinear, labels nearest, reflected
    border). Draws come from torch's default generator on the CPU (seed it per step).

    Args:
        flip_axes: axes of the volume, 0 (left-right), 1 (back-front), 2 (down-up), along which it may be flipped.
        turn_planes: pairs of axes, such as ``[[0, 1]]``; the patch has equal sides there.
        scale: [low, high] of the factor; 1, 1: no scaling.
        scale_prob: probability of a scaling, in [0, 1].

    Raises:
        ValueError: an axis out of 0, 1, 2, a plane that is no pair of them, or a scaling outside its range.

    Source: nnU-Net (Isensee et al. 2021): scaling by .7 to 1.4 with p .2.
    """

    def __init__(
        self,
        flip_axes: Sequence[int] = (0, 1, 2),
        turn_planes: Sequence[Sequence[int]] = (),
        scale: Sequence[float] = (1.0, 1.0),
        scale_prob: float = 0.2,
    ) -> None:
        check_bounds(scale=scale)
        check_probabilities(scale_prob=scale_prob)
        self.scale, self.scale_prob = tuple(scale), scale_prob
        self.flip_axes, self.turn_planes = tuple(flip_axes), tuple(tuple(plane) for plane in turn_planes)
        if not set(self.flip_axes) <= {0, 1, 2}:
            raise ValueError(f"Expected flip_axes out of 0, 1 and 2, got {list(flip_axes)}.")
        if not all(len(set(plane)) == 2 and set(plane) <= {0, 1, 2} for plane in self.turn_planes):
            raise ValueError(f"Expected turn_planes as pairs of axes 0, 1, 2, such as [[0, 1]], got {turn_planes}.")

    def sample_parameters(self, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw flips (n, 3) bool and quarter turns (n, number of planes) int64, 0 to 3."""
        u = uniform(n, 3 + len(self.turn_planes))
        allowed = torch.tensor([axis in self.flip_axes for axis in range(3)])
        return (u[:, :3] < 0.5) & allowed, (u[:, 3:] * 4).long()

    def apply(self, volumes: torch.Tensor, flips: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        """Flip, then turn volumes (B, C, X, Y, Z).

        Raises:
            ValueError: the patch has unequal sides in a plane of turns.
        """
        for axis in range(3):
            volumes = _where(flips[:, axis], volumes, lambda v, axis=axis: v.flip(axis + 2))
        for (first, second), turn in zip(self.turn_planes, turns.T, strict=True):
            if volumes.shape[first + 2] != volumes.shape[second + 2]:
                raise ValueError(
                    f"Expected equal sides of the patch in the plane {[first, second]} of quarter turns, got "
                    f"{tuple(volumes.shape[2:])}. Change patch_size or turn_planes."
                )
            # A quarter turn is a transposition and a flip, three are the transposition and the other flip.
            volumes = _where(turn % 2 == 1, volumes, lambda v, a=first, b=second: v.transpose(a + 2, b + 2))
            volumes = _where((turn == 1) | (turn == 2), volumes, lambda v, a=first: v.flip(a + 2))
            volumes = _where((turn == 2) | (turn == 3), volumes, lambda v, b=second: v.flip(b + 2))
        return volumes

    def __call__(
        self, batchdata: dict[str, Any], device: torch.device | str, non_blocking: bool = False, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (image, label), augmented, on ``device``."""
        image = batchdata["image"].to(device, non_blocking=non_blocking, **kwargs)
        label = batchdata["label"].to(device, non_blocking=non_blocking, **kwargs)
        flips, turns = self.sample_parameters(len(image))
        image, label = self.apply(image, flips, turns), self.apply(label, flips, turns)
        if self.scale == (1, 1):
            return image, label
        reach, shift = scalings(len(image), 3, self.scale, self.scale_prob)
        return scale_volumes(image, reach, shift, "bilinear"), scale_volumes(label, reach, shift, "nearest")


def scale_volumes(volumes: torch.Tensor, reach: torch.Tensor, shift: torch.Tensor, mode: str) -> torch.Tensor:
    """Resample those of the volumes (B, C, X, Y, Z) whose reach is not 1; ``scalings`` gives reach and shift."""
    rows = (reach[:, 0] != 1).nonzero()[:, 0]
    if not len(rows):
        return volumes
    theta = torch.cat([torch.diag_embed(reach[rows].expand(-1, 3)), shift[rows, :, None]], dim=2).to(volumes.device)
    rows = rows.to(volumes.device)
    picked = volumes[rows].float()
    grid = functional.affine_grid(theta, list(picked.shape), align_corners=False)
    scaled = functional.grid_sample(picked, grid, mode=mode, padding_mode="reflection", align_corners=False)
    return volumes.index_copy(0, rows, scaled.to(volumes.dtype))


def _where(chosen: torch.Tensor, volumes: torch.Tensor, change: Any) -> torch.Tensor:
    if not chosen.any():
        return volumes
    return torch.where(chosen.to(volumes.device).view(-1, 1, 1, 1, 1), change(volumes), volumes)

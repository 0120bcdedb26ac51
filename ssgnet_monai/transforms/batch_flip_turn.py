"""Random flips and quarter turns of a whole batch of volumes, exact, on the batch's device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ssgnet_monai.ops.ranks import num_ranks, shard


class BatchFlipTurn:
    """A ``prepare_batch`` for MONAI trainers: moves a batch to the device and flips and turns image and label together.

    Each sample is flipped along each named axis with probability 1/2 and turned in each named plane by 0, 90, 180 or
    270 degrees, all as likely. Nothing is interpolated. Draws come from torch's default generator on the CPU (seed it
    per step).

    Args:
        flip_axes: axes of the volume, 0 (left-right), 1 (back-front), 2 (down-up), along which it may be flipped.
        turn_planes: pairs of axes, such as ``[[0, 1]]``; the patch has equal sides there.

    Raises:
        ValueError: an axis out of 0, 1, 2, or a plane that is no pair of them.
    """

    def __init__(self, flip_axes: Sequence[int] = (0, 1, 2), turn_planes: Sequence[Sequence[int]] = ()) -> None:
        self.flip_axes, self.turn_planes = tuple(flip_axes), tuple(tuple(plane) for plane in turn_planes)
        if not set(self.flip_axes) <= {0, 1, 2}:
            raise ValueError(f"Expected flip_axes out of 0, 1 and 2, got {list(flip_axes)}.")
        if not all(len(set(plane)) == 2 and set(plane) <= {0, 1, 2} for plane in self.turn_planes):
            raise ValueError(f"Expected turn_planes as pairs of axes 0, 1, 2, such as [[0, 1]], got {turn_planes}.")

    def sample_parameters(self, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw flips (n, 3) bool and quarter turns (n, number of planes) int64, 0 to 3."""
        u = shard(torch.rand(n * num_ranks(), 3 + len(self.turn_planes)))
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
        return self.apply(image, flips, turns), self.apply(label, flips, turns)


def _where(chosen: torch.Tensor, volumes: torch.Tensor, change: Any) -> torch.Tensor:
    if not chosen.any():
        return volumes
    return torch.where(chosen.to(volumes.device).view(-1, 1, 1, 1, 1), change(volumes), volumes)

"""From stored voxel values to a network's units: cut and stretched to [0, 1], then the z-score of the whole volume."""

from __future__ import annotations

from typing import NamedTuple

import torch


class VoxelScale(NamedTuple):
    """Voxel values that become 0 and 1, and mean and standard deviation of the volume's voxels in these units."""

    low: float
    high: float
    mean: float
    deviation: float


def voxel_scale(voxels: torch.Tensor, low: float, high: float) -> VoxelScale:
    """The scale of a volume, found layer by layer, so that no second one is in memory.

    Args:
        voxels: (X, Y, Z), any type of real numbers.
        low: voxel value that becomes 0.
        high: voxel value that becomes 1.

    Returns:
        The scale; a volume without contrast has deviation 1.
    """
    total = squares = 0.0
    for layer in voxels:
        values = ((layer.double() - low) / (high - low)).clamp_(0, 1)
        total += float(values.sum())
        squares += float(values.square().sum())
    mean = total / voxels.numel()
    deviation = max(squares / voxels.numel() - mean**2, 0.0) ** 0.5
    return VoxelScale(low, high, mean, deviation if deviation > 1e-7 else 1.0)

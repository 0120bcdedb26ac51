"""What batched augmentations share: checked settings, and draws that are the same however many ranks there are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ssgnet_monai.ops.ranks import num_ranks, shard


def uniform(n: int, *size: int) -> torch.Tensor:
    """Draw ``(n, *size)`` values in [0, 1), float32, from torch's default generator on the CPU.

    Args:
        n: images of this rank; the draws are its rows of those of the global batch.
        size: values of one image.
    """
    return shard(torch.rand(n * num_ranks(), *size))


def log_uniform(draws: torch.Tensor, bounds: Sequence[float]) -> torch.Tensor:
    """Take uniform draws to factors whose logarithm is uniform between two bounds: half as often as twice."""
    low, high = (math.log(bound) for bound in bounds)
    return torch.exp(low + (high - low) * draws)


def scalings(n: int, axes: int, bounds: Sequence[float], prob: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw by how much and about which place images are enlarged or reduced.

    Args:
        n: images of this rank.
        axes: of an image.
        bounds: [low, high] of the factor.
        prob: probability of a scaling, in [0, 1].

    Returns:
        (n, 1) the side of what is seen, in sides of the image: 1 / factor, 1 without a scaling; and (n, axes) its
        centre, in half sides of the image from its centre. Enlarged, all that is seen lies in the image; reduced, all
        of the image is seen.
    """
    u = uniform(n, 2 + axes)
    reach = torch.where(u[:, 1:2] < prob, 1 / log_uniform(u[:, :1], bounds), 1.0)
    return reach, (2 * u[:, 2:] - 1) * (1 - reach).abs()


def check_probabilities(**values: float) -> None:
    """Refuse what is no probability.

    Raises:
        ValueError: a value is outside [0, 1].
    """
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"Expected {name} in [0, 1], got {value}.")


def check_strengths(**values: float) -> None:
    """Refuse negative strengths.

    Raises:
        ValueError: a value is below 0.
    """
    for name, value in values.items():
        if not value >= 0:
            raise ValueError(f"Expected {name} >= 0, got {value}. 0 switches it off.")


def check_bounds(**values: Sequence[float]) -> None:
    """Refuse what is no range of positive factors.

    Raises:
        ValueError: a value is no pair of low and high with 0 < low <= high.
    """
    for name, value in values.items():
        if not (isinstance(value, Sequence) and len(value) == 2 and 0 < value[0] <= value[1]):
            raise ValueError(f"Expected {name} as [low, high] with 0 < low <= high, got {value}.")

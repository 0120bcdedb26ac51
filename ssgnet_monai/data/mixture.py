"""In what shares a training draws from labelled images and from the real and synthetic images of a pool."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mixture:
    """The shares of a training's sources.

    Args:
        pool_fraction: share of samples from the pool, in [0, 1). None: in proportion to the sizes.
        synthetic_fraction: share of the pool's samples that are synthetic, in [0, 1]. None: in proportion to the sizes.
            Without effect where the pool holds one kind alone.
        labeled_from: number of the first sample from which on all are labelled ones, the fine-tuning at the end. None:
            the pool stays to the end.

    Raises:
        ValueError: a setting is outside its range.
    """

    pool_fraction: float | None = None
    synthetic_fraction: float | None = None
    labeled_from: int | None = None

    def __post_init__(self) -> None:
        if self.pool_fraction is not None and not 0 <= self.pool_fraction < 1:
            raise ValueError(f"Expected pool_fraction in [0, 1) or null, got {self.pool_fraction}.")
        if self.synthetic_fraction is not None and not 0 <= self.synthetic_fraction <= 1:
            raise ValueError(f"Expected synthetic_fraction in [0, 1] or null, got {self.synthetic_fraction}.")
        if self.labeled_from is not None and self.labeled_from < 0:
            raise ValueError(f"Expected labeled_from as a sample's number from 0 or null, got {self.labeled_from}.")


PROPORTIONAL = Mixture()
"""Every source in proportion to its size, to the end."""

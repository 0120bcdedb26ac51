"""Which item sample k of a training is: arithmetic of (seed, k), so that a training goes on where it stopped."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np


class SampleOrder:
    """The order of samples from labelled items and, evenly between them, from a pool.

    Every pass over a source is a fresh permutation of it.

    Args:
        num_data: labelled items, the indices 0 to ``num_data - 1``.
        num_pool: pool items, the indices after these.
        pool_fraction: share of samples from the pool, in [0, 1). None: in proportion to the sizes.
        seed: of the permutations.

    Raises:
        ValueError: there is no labelled item, or ``pool_fraction`` is outside [0, 1).
    """

    def __init__(self, num_data: int, num_pool: int = 0, pool_fraction: float | None = None, seed: int = 0) -> None:
        if not num_data:
            raise ValueError(
                "Expected at least one training item, got an empty list. Check the datalist's 'training' section and "
                "class_name: a class with 0 images cannot be trained."
            )
        if pool_fraction is not None and not 0 <= pool_fraction < 1:
            raise ValueError(f"Expected pool_fraction in [0, 1) or null, got {pool_fraction}.")
        if pool_fraction is None:
            pool_fraction = num_pool / (num_data + num_pool)
        self.num_data, self.num_pool, self.seed = num_data, num_pool, seed
        self.pool_fraction = pool_fraction if num_pool else 0.0

    def locate(self, k: int) -> int:
        """Index of sample ``k`` among all items."""
        before = math.floor(k * self.pool_fraction)
        if math.floor((k + 1) * self.pool_fraction) > before:
            size, draw, offset, source = self.num_pool, before, self.num_data, 1
        else:
            size, draw, offset, source = self.num_data, k - before, 0, 0
        return offset + int(_permutation(size, self.seed, draw // size, source)[draw % size])


@lru_cache(maxsize=4)
def _permutation(size: int, seed: int, epoch: int, source: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch, source)).permutation(size)

"""Which item sample k of a training is: arithmetic of (seed, k), so that a training goes on where it stopped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ssgnet_monai.data.mixture import PROPORTIONAL, Mixture


class SampleOrder:
    """The order of samples from labelled items and, evenly between them, from a pool.

    Every pass over a source is a fresh permutation of it. With a share of synthetic images, the real and the synthetic
    ones of the pool are sources of their own, evenly between each other.

    Args:
        num_data: labelled items, the indices 0 to ``num_data - 1``.
        synthetic: for each pool item, the indices after these, whether it is synthetic.
        mixture: the shares of the sources.
        seed: of the permutations.

    Raises:
        ValueError: there is no labelled item.
    """

    def __init__(
        self, num_data: int, synthetic: Sequence[bool] = (), mixture: Mixture = PROPORTIONAL, seed: int = 0
    ) -> None:
        if not num_data:
            raise ValueError(
                "Expected at least one training item, got an empty list. Check the datalist's 'training' section and "
                "class_name: a class with 0 images cannot be trained."
            )
        num_pool, share = len(synthetic), mixture.synthetic_fraction
        fraction = num_pool / (num_data + num_pool) if mixture.pool_fraction is None else mixture.pool_fraction
        self.num_data, self.seed = num_data, seed
        self.labeled_from = math.inf if mixture.labeled_from is None else mixture.labeled_from
        self.pool_fraction = fraction if num_pool else 0.0
        self.synthetic_fraction = 0.0
        self._pools: list[Sequence[int]] = [range(num_data, num_data + num_pool)]
        if share is not None and len(set(synthetic)) == 2:
            self.synthetic_fraction = share
            self._pools = [[i for i, kind in enumerate(synthetic, num_data) if kind is want] for want in (False, True)]

    def locate(self, k: int) -> int:
        """Index of sample ``k`` among all items."""
        before = self._from_pool(k)
        if self._from_pool(k + 1) == before:
            return self._item(range(self.num_data), k - before, 0)
        synthetic = math.floor(before * self.synthetic_fraction)
        if math.floor((before + 1) * self.synthetic_fraction) == synthetic:
            return self._item(self._pools[0], before - synthetic, 1)
        return self._item(self._pools[1], synthetic, 2)

    def _from_pool(self, k: int) -> int:
        """How many of the first ``k`` samples are from the pool."""
        return math.floor(min(k, self.labeled_from) * self.pool_fraction)

    def _item(self, items: Sequence[int], draw: int, source: int) -> int:
        size = len(items)
        return items[int(_permutation(size, self.seed, draw // size, source)[draw % size])]


@lru_cache(maxsize=4)
def _permutation(size: int, seed: int, epoch: int, source: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch, source)).permutation(size)

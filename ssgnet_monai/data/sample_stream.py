"""An endless, seeded stream of training samples: sample k depends on (seed, k) alone, so training can resume."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from monai.transforms import Compose, Randomizable, RandomizableTrait
from torch.utils.data import Dataset, Sampler

from ssgnet_monai.data.reading import reading
from ssgnet_monai.data.slice_items import slice_items, slices_by_volume
from ssgnet_monai.ops.ranks import num_ranks, rank

ENDLESS = 2**40


class SampleStream(Dataset):
    """Training items, and optionally a pool of pseudo-labelled items, as one endless seeded sequence.

    Every pass over a source is a fresh permutation of it. Real and pool samples are interleaved evenly. The
    deterministic head of the transform is cached per item; random transforms are seeded with (seed, k).

    Args:
        data: items (dictionaries) of the labelled or real training set; whole volumes become their slices.
        transform: MONAI transform of an item; the part before its first random transform is cached.
        seed: seed of the order and of the random transforms.
        pool: further items, sampled beside ``data``.
        pool_fraction: share of samples taken from the pool, in [0, 1). None: in proportion to the sizes.
        cache_bytes: most memory that cached items may take, in bytes.
        slice_plane: along which volumes are cut, see ``slice_items``.
        whole_volumes: do not cut them: for networks of three dimensions.

    Raises:
        ValueError: ``data`` is empty, or ``pool_fraction`` is outside [0, 1).
    """

    def __init__(
        self,
        data: Sequence[dict[str, Any]],
        transform: Callable | None = None,
        seed: int = 0,
        pool: Sequence[dict[str, Any]] = (),
        pool_fraction: float | None = None,
        cache_bytes: float = 2e9,
        slice_plane: str | None = None,
        whole_volumes: bool = False,
    ) -> None:
        self.transform = transform if isinstance(transform, Compose) else Compose(transform)
        random = [isinstance(step, RandomizableTrait) for step in self.transform.transforms]
        self._first_random = random.index(True) if any(random) else len(random)
        self.cache_bytes, self.slice_plane, self.whole_volumes = cache_bytes, slice_plane, whole_volumes
        self.seed = seed
        self.set_data(data, pool, pool_fraction=pool_fraction)

    def set_data(
        self,
        data: Sequence[dict[str, Any]],
        pool: Sequence[dict[str, Any]] = (),
        seed: int | None = None,
        pool_fraction: float | None = None,
    ) -> None:
        """Replace the items (a new round), the seed when given, and forget what was cached."""
        if not data:
            raise ValueError(
                "Expected at least one training item, got an empty list. Check the datalist's 'training' section and "
                "class_name: a class with 0 images cannot be trained."
            )
        if pool_fraction is not None and not 0 <= pool_fraction < 1:
            raise ValueError(f"Expected pool_fraction in [0, 1) or null, got {pool_fraction}.")
        self.data, self.pool = self.units(data), self.units(pool)
        self._slices = slices_by_volume([*self.data, *self.pool])
        if pool_fraction is None:
            pool_fraction = len(self.pool) / (len(self.data) + len(self.pool))
        self.pool_fraction = pool_fraction if self.pool else 0.0
        self.seed = self.seed if seed is None else seed
        self._cache: dict[int, Any] = {}
        self._cached_bytes = 0

    def units(self, items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """What samples are drawn from: pictures, and slices of volumes or whole ones."""
        return [dict(item) for item in items] if self.whole_volumes else slice_items(items, self.slice_plane)

    def __len__(self) -> int:
        return ENDLESS

    def locate(self, k: int) -> int:
        """Index of sample ``k`` in ``data + pool``."""
        from_pool = math.floor((k + 1) * self.pool_fraction) - math.floor(k * self.pool_fraction)
        before = math.floor(k * self.pool_fraction)
        if from_pool:
            size, draw, offset, source = len(self.pool), before, len(self.data), 1
        else:
            size, draw, offset, source = len(self.data), k - before, 0, 0
        return offset + int(_permutation(size, self.seed, draw // size, source)[draw % size])

    def __getitem__(self, k: int) -> Any:
        item = self._head(self.locate(k))
        for step in self.transform.transforms[self._first_random :]:
            if isinstance(step, Randomizable):
                step.set_random_state(seed=(self.seed * 1_000_003 + k) % 2**32)
            item = step(item)
        return item

    def _head(self, index: int) -> Any:
        if index in self._cache:
            return dict(self._cache[index])
        item, others = self._read(index), self._slices.get(index, ())
        if self._keep(index, item):  # the volume is in memory now: its other slices cost little
            for other in others:
                if other not in self._cache and not self._keep(other, self._read(other)):
                    break
        return dict(item)

    def _read(self, index: int) -> Any:
        item = self.data[index] if index < len(self.data) else self.pool[index - len(self.data)]
        with reading(item):
            return self.transform(item, start=0, end=self._first_random)

    def _keep(self, index: int, item: Any) -> bool:
        """Cache an item; False: there is no room."""
        size = sum(v.numel() * v.element_size() for v in item.values() if isinstance(v, torch.Tensor))
        if self._cached_bytes + size > self.cache_bytes:
            return False
        self._cache[index] = item
        self._cached_bytes += size
        return True


@lru_cache(maxsize=4)
def _permutation(size: int, seed: int, epoch: int, source: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch, source)).permutation(size)


class StreamSampler(Sampler[int]):
    """Sample numbers start, start + 1, ..., shared out among the ranks; ``start`` is set when training resumes."""

    def __init__(self, start: int = 0) -> None:
        self.start = start

    def __iter__(self) -> Iterator[int]:
        yield from range(self.start + rank(), ENDLESS, num_ranks())

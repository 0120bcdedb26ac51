"""An endless, seeded stream of training samples: sample k depends on (seed, k) alone, so training can resume."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from monai.transforms import Compose, Randomizable, RandomizableTrait
from torch.utils.data import Dataset, Sampler

from ssgnet_monai.data.item_cache import ItemCache
from ssgnet_monai.data.mixture import PROPORTIONAL, Mixture
from ssgnet_monai.data.reading import reading
from ssgnet_monai.data.sample_order import SampleOrder
from ssgnet_monai.data.slice_list import slices_by_volume
from ssgnet_monai.ops.ranks import num_ranks, rank

ENDLESS = 2**40


class SampleStream(Dataset):
    """Training items, and optionally a pool of pseudo-labelled items, as one endless seeded sequence.

    ``SampleOrder`` says which item sample k is. What the transform does before its first random step is kept in memory
    (an ``ItemCache``); random steps are seeded with (seed, k). One that gives several crops of an item makes several
    samples of it, which MONAI's ``DataLoader`` puts into one batch. Each sample tells by ``"from_pool"``
    (bool) where it comes from.

    Args:
        data: items (dictionaries) of the labelled or real training set: pictures, slices (see ``slice_items``) or
            whole volumes, as the transform takes them.
        transform: MONAI transform of an item.
        seed: seed of the order and of the random transforms.
        pool: further items, sampled beside ``data``; those of the origin "synthetic" are the synthetic ones.
        mixture: shares of the two, and of real and synthetic images of the pool.
        cache_bytes: most memory that kept items may take, in bytes.

    Raises:
        ValueError: ``data`` is empty.
    """

    def __init__(
        self,
        data: Sequence[dict[str, Any]],
        transform: Callable | None = None,
        seed: int = 0,
        pool: Sequence[dict[str, Any]] = (),
        mixture: Mixture = PROPORTIONAL,
        cache_bytes: float = 2e9,
    ) -> None:
        self.transform = transform if isinstance(transform, Compose) else Compose(transform)
        random = [isinstance(step, RandomizableTrait) for step in self.transform.transforms]
        self._first_random = random.index(True) if any(random) else len(random)
        self.cache_bytes, self.seed = cache_bytes, seed
        self.set_data(data, pool, mixture=mixture)

    def set_data(
        self,
        data: Sequence[dict[str, Any]],
        pool: Sequence[dict[str, Any]] = (),
        seed: int | None = None,
        mixture: Mixture = PROPORTIONAL,
    ) -> None:
        """Replace the items (a new round), the seed when given, and forget what was kept."""
        self.seed = self.seed if seed is None else seed
        synthetic = [item.get("origin") == "synthetic" for item in pool]
        self.order = SampleOrder(len(data), synthetic, mixture, self.seed)
        self.items = [*data, *pool]
        self._heads = ItemCache(self._head, self.cache_bytes, slices_by_volume(self.items))

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, k: int) -> Any:
        index = self.order.locate(k)
        head = self._heads[index]
        for step in self.transform.transforms[self._first_random :]:
            if isinstance(step, Randomizable):
                step.set_random_state(seed=(self.seed * 1_000_003 + k) % 2**32)
        found, origin = self.transform(head, start=self._first_random), {"from_pool": index >= self.order.num_data}
        return [{**sample, **origin} for sample in found] if isinstance(found, list) else {**found, **origin}

    def _head(self, index: int) -> dict[Any, Any]:
        item = self.items[index]
        with reading(item):
            return self.transform(item, start=0, end=self._first_random)


class StreamSampler(Sampler[int]):
    """Sample numbers start, start + 1, ..., shared out among the ranks; ``start`` is set when training resumes."""

    def __init__(self, start: int = 0) -> None:
        self.start = start

    def __iter__(self) -> Iterator[int]:
        yield from range(self.start + rank(), ENDLESS, num_ranks())

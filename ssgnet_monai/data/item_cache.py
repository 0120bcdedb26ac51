"""Items that are read once and kept in memory, as far as they fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch


class ItemCache:
    """Keeps the first items that are read until ``most_bytes`` are full; others are read at each call.

    Args:
        read: index -> item, a dictionary; the same each time.
        most_bytes: of the tensors and arrays that are kept.
        together: index -> indices whose reading costs little once it is read: the slices of its volume.
    """

    def __init__(
        self,
        read: Callable[[int], dict[Any, Any]],
        most_bytes: float,
        together: Mapping[int, Sequence[int]] | None = None,
    ) -> None:
        self.read, self.most_bytes, self.together = read, most_bytes, together or {}
        self._items: dict[int, dict[Any, Any]] = {}
        self._bytes = 0

    def __getitem__(self, index: int) -> dict[Any, Any]:
        """A shallow copy of an item."""
        if index in self._items:
            return dict(self._items[index])
        item = self.read(index)
        if self._keep(index, item):
            for other in self.together.get(index, ()):
                if other not in self._items and not self._keep(other, self.read(other)):
                    break
        return dict(item)

    def _keep(self, index: int, item: dict[Any, Any]) -> bool:
        """Keep an item; False: there is no room."""
        size = sum(value.nbytes for value in item.values() if isinstance(value, torch.Tensor | np.ndarray))
        if self._bytes + size > self.most_bytes:
            return False
        self._items[index] = item
        self._bytes += size
        return True

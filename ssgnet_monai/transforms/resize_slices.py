"""Resizing a picture, or every slice of a volume, to a network's input size; invertible."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.transforms import InvertibleTransform, MapTransform, Resize


class ResizeSlicesd(MapTransform, InvertibleTransform):
    """Resize height and width; a volume keeps its slices.

    Args:
        keys: keys of ``MetaTensor``: (C, H, W) pictures, or (C, H, W, N) volumes.
        size: both sides in pixels.
        mode: of MONAI's ``Resize``.
    """

    def __init__(self, keys: KeysCollection, size: int, mode: str = "area") -> None:
        super().__init__(keys)
        self._resize = {3: Resize((size, size), mode=mode), 4: Resize((size, size, -1), mode=mode)}

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """A copy of ``data`` with (C, size, size) pictures and (C, size, size, N) volumes."""
        return {**data, **{key: self._resize[data[key].ndim](data[key]) for key in self.key_iterator(dict(data))}}

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """A copy of ``data`` at the sizes before."""
        found = {key: self._resize[data[key].ndim].inverse(data[key]) for key in self.key_iterator(dict(data))}
        return {**data, **found}

"""Voxel values of a volume, or of a crop of it, in a network's units, by the scale that ``LoadVolumed`` found."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.transforms import MapTransform


class WindowVolumed(MapTransform):
    """Voxel values cut at the window and stretched to [0, 1]; values that are used as stored become float32 alone.

    Args:
        keys: of ``MetaTensor`` (1, X, Y, Z) of any type.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """A copy of ``data`` with float32 volumes."""
        result = dict(data)
        for key in self.key_iterator(result):
            values, scale = result[key].to(torch.float32, copy=True), result[key].meta["voxel_scale"]
            if scale is not None:
                values.sub_(scale.low).div_(scale.high - scale.low).clamp_(0, 1)
            result[key] = values
        return result


class NormalizeVolumed(MapTransform):
    """The z-score by mean and deviation of the whole volume, also of a crop; nothing for values used as stored.

    Args:
        keys: of ``MetaTensor`` (1, X, Y, Z) from ``WindowVolumed``.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """A copy of ``data`` with normalised volumes."""
        result = dict(data)
        for key in self.key_iterator(result):
            scale = result[key].meta["voxel_scale"]
            if scale is not None:
                result[key] = (result[key] - scale.mean).div_(scale.deviation)
        return result

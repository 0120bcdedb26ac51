"""The z-score of a picture, or of every slice of a volume by itself, as a network that sees slices learned it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.transforms import MapTransform


class NormalizeSlicesd(MapTransform):
    """MONAI's ``NormalizeIntensityd(channel_wise=True)`` of each slice: (x - mean) / standard deviation.

    Args:
        keys: keys of tensors, float: (C, H, W) pictures, or (C, H, W, N) volumes. A constant slice becomes 0.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """A copy of ``data`` with tensors of the same shapes."""
        result = dict(data)
        for key in self.key_iterator(result):
            values = result[key]
            deviation = values.std((1, 2), correction=0, keepdim=True)
            result[key] = (values - values.mean((1, 2), keepdim=True)) / deviation.masked_fill(deviation == 0, 1)
        return result

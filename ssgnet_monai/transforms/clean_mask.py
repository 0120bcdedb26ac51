"""Opening and closing of masks in a bundle, for predictions or for labels."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils.type_conversion import convert_to_dst_type

from ssgnet_monai.data.prepare.mask_cleaning import clean_mask


class CleanMaskd(MapTransform):
    """Opening, then closing, of masks (C, H, W) of values 0 and 1, channel by channel; see ``clean_mask``.

    Args:
        keys: keys of the masks.
        radius: of the disk, in pixels.
        allow_missing_keys: whether items without the keys pass.

    Raises:
        ValueError: other values, such as probabilities or ignored pixels.
    """

    def __init__(self, keys: KeysCollection, radius: int, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.radius = radius

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """A copy of ``data`` with clean masks, of the same type and meta."""
        result = dict(data)
        for key in self.key_iterator(result):
            result[key] = self._clean(result[key], key)
        return result

    def _clean(self, mask: torch.Tensor, key: Hashable) -> torch.Tensor:
        values = mask.detach().cpu().numpy()
        if not np.isin(values, (0, 1)).all():
            raise ValueError(
                f"Expected a mask of values 0 and 1 under {key!r}, got {values.min():g} to {values.max():g}. "
                "Threshold it first."
            )
        cleaned = np.stack([clean_mask(channel > 0, self.radius) for channel in values])
        return convert_to_dst_type(cleaned, mask)[0]

"""CLAHE of loaded images, for pictures that were not prepared with it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform
from monai.utils.type_conversion import convert_to_dst_type

from ssgnet_monai.data.prepare.contrast import equalise_contrast


class EqualiseContrastd(MapTransform):
    """Contrast-limited adaptive histogram equalisation of images (C, H, W) in [0, 1], see ``equalise_contrast``.

    A model that was trained on a dataset prepared with ``clahe`` needs it at inference on other pictures, after they
    are resized.

    Args:
        keys: keys of the images; 1 or 3 channels.

    Raises:
        ValueError: another number of channels, or values outside [0, 1].
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """A copy of ``data`` with equalised images, of the same type and meta."""
        result = dict(data)
        for key in self.key_iterator(result):
            result[key] = _equalised(result[key], key)
        return result


def _equalised(image: torch.Tensor, key: Hashable) -> torch.Tensor:
    low, high = float(image.min()), float(image.max())
    if image.ndim != 3 or image.shape[0] not in (1, 3) or low < 0 or high > 1:
        raise ValueError(
            f"Expected an image (1 or 3, H, W) with values in [0, 1] under {key!r}, got shape {tuple(image.shape)} and "
            f"values {low:g} to {high:g}. Place it after the loading and before normalisation."
        )
    levels = np.rint(image.detach().cpu().numpy() * 65535).astype(np.uint16)
    values = equalise_contrast(levels[0] if len(levels) == 1 else np.moveaxis(levels, 0, -1))
    channels_first = values[None] if values.ndim == 2 else np.moveaxis(values, -1, 0)
    return convert_to_dst_type(channels_first.astype(np.float32) / 65535, image)[0]

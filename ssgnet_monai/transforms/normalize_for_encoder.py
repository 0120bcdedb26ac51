"""Grey levels as a pretrained encoder has seen them in its own training."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import timm
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform


class NormalizeForEncoderd(MapTransform):
    """(x - mean) / standard deviation with the two that timm notes for a network's weights, the same for all images.

    Args:
        keys: keys of tensors in [0, 1]: (C, H, W) pictures, or (C, H, W, N) volumes that a network sees slice by slice.
        encoder_name: a name of timm, also with the ``tu-`` of segmentation-models-pytorch before it. Other numbers of
            channels than three have the mean of the three values.
        allow_missing_keys: passes by what is not there.

    Raises:
        ValueError: a name that timm does not know.

    Example:
        >>> NormalizeForEncoderd("image", "tu-tf_efficientnet_lite0")({"image": torch.ones(1, 2, 2)})["image"].max()
        tensor(1.)
    """

    def __init__(self, keys: KeysCollection, encoder_name: str, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        cfg = timm.get_pretrained_cfg(encoder_name.removeprefix("tu-"))
        if cfg is None:
            raise ValueError(
                f"Expected an encoder of timm (encoder_name: tu-NAME), got {encoder_name!r}. See timm.list_models()."
            )
        self.mean, self.std = torch.tensor(cfg.mean), torch.tensor(cfg.std)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """A copy of ``data`` with tensors of the same shapes."""
        result = dict(data)
        for key in self.key_iterator(result):
            values = result[key]
            own = len(values) == len(self.mean)
            mean, std = (each if own else each.mean(0, keepdim=True) for each in (self.mean, self.std))
            shape = (-1, *[1] * (values.ndim - 1))
            result[key] = (values - mean.view(shape)) / std.view(shape)
        return result

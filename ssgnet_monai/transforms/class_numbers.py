"""From a network's logits to class numbers, for scores and for files."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from ssgnet_monai.data.label_space import decide, to_probabilities

SLAB = 16
"""Rows along the first axis of an image that are turned into probabilities at a time."""


class ClassProbabilitiesd(MapTransform):
    """Logits of one image become the probability of each class; see ``label_space.to_probabilities``.

    Those of K float32 logits take the logits' own memory: 14 classes of 512 x 512 x 400 voxels are 6 GB, not 12.

    Args:
        keys: of logits (1, ...) or (K, ...). Result: (K, ...) float32.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace the logits in a copy of ``data``."""
        result = dict(data)
        for key in self.key_iterator(result):
            logits = result[key]
            if len(logits) > 1 and logits.dtype == torch.float32:
                for slab in logits.split(SLAB, dim=1):
                    slab.copy_(to_probabilities(slab[None])[0])
            else:
                result[key] = to_probabilities(logits[None])[0]
        return result


class ClassNumbersd(MapTransform):
    """Probabilities of one image become its classes; see ``label_space.decide``.

    Args:
        keys: of probabilities (K, ...). Result: (1, ...) uint8.
        threshold: with two classes, the probability from which a pixel is foreground.
    """

    def __init__(self, keys: KeysCollection, threshold: float = 0.5) -> None:
        super().__init__(keys)
        self.threshold = threshold

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace the probabilities in a copy of ``data``."""
        result = dict(data)
        for key in self.key_iterator(result):
            result[key] = decide(result[key][None], self.threshold)[0]
        return result


class BatchClassNumbersd(MapTransform):
    """Logits of a batch become its classes.

    Args:
        keys: of logits (B, 1, ...) or (B, K, ...). Result: (B, 1, ...) uint8.
        threshold: with two classes, the probability from which a pixel is foreground.
    """

    def __init__(self, keys: KeysCollection, threshold: float = 0.5) -> None:
        super().__init__(keys)
        self.threshold = threshold

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, torch.Tensor]:
        """Replace the logits in a copy of ``data``."""
        result = dict(data)
        for key in self.key_iterator(result):
            result[key] = decide(to_probabilities(result[key]), self.threshold)
        return result

"""From a network's logits to class numbers, for scores and for files."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from ssgnet_monai.data.label_space import decide, to_probabilities


class ClassProbabilitiesd(MapTransform):
    """Logits of one image become the probability of each class; see ``label_space.to_probabilities``.

    Args:
        keys: of logits (1, ...) or (K, ...). Result: (K, ...) float32.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace the logits in a copy of ``data``."""
        result = dict(data)
        for key in self.key_iterator(result):
            result[key] = to_probabilities(result[key][None])[0]
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

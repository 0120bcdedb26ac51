"""The masks of an evaluator's run put together case by case: distances of whole cases, and masks for pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine
from monai.handlers import from_engine

from ssgnet_monai.data.cases import case_names, case_spacing
from ssgnet_monai.engines.example_pictures import Example
from ssgnet_monai.metrics import class_distances


class CaseMeasurement:
    """Takes the masks of every iteration; a case is measured as soon as it is whole, and then let go.

    The slices of a volume become a volume again, in their places: what was left out of the data counts as background.
    Distances are those on the grid that the network works on, whose spacing follows from the volume's (see
    ``case_spacing``), as masks are not resized to the source's own grid.

    Args:
        items: the images of the run, in its order.
        num_classes: K.
        examples: of which predictions are kept.

    Attributes:
        kept: prediction of each example, by its place among the examples: (H, W) uint8.
    """

    def __init__(self, items: Sequence[Mapping[str, Any]], num_classes: int, examples: Sequence[Example] = ()) -> None:
        self.items, self.num_classes, self.examples = items, num_classes, examples
        self.cases = case_names(items)
        self._sizes = Counter(self.cases)
        self._seen = 0
        self._open: dict[str, list[tuple[int, np.ndarray, np.ndarray]]] = {}
        self._found: dict[str, torch.Tensor] = {}
        self.kept: dict[int, np.ndarray] = {}

    def __call__(self, engine: Engine) -> None:
        """Take the masks of an iteration, "pred" and "label", (B, 1, ...) class numbers."""
        predictions, truths = from_engine(["pred", "label"])(engine.state.output)
        for prediction, truth in zip(predictions, truths, strict=True):
            self._take(*(mask[0].to(torch.uint8).cpu().numpy() for mask in (prediction, truth)))

    def distances(self) -> torch.Tensor:
        """(cases, K - 1, 4) in the order in which cases first occur; see ``class_distances``.

        Raises:
            ValueError: the run ended before all images were seen.
        """
        if self._seen != len(self.items):
            raise ValueError(f"Expected a run over all {len(self.items)} images, it ended after {self._seen}.")
        return torch.stack([self._found[case] for case in dict.fromkeys(self.cases)])

    def _take(self, prediction: np.ndarray, truth: np.ndarray) -> None:
        item, case = self.items[self._seen], self.cases[self._seen]
        for number, example in enumerate(self.examples):
            if example.index == self._seen:
                self.kept[number] = example.cut(prediction)
        self._seen += 1
        part = self._open.setdefault(case, [])
        part.append((int(item.get("slice", 0)), prediction, truth))
        if len(part) == self._sizes[case]:
            places, predictions, truths = zip(*part, strict=True)
            found, true = (_stacked(places, masks) if "slice" in item else masks[0] for masks in (predictions, truths))
            spacing = case_spacing(item, found.shape) if found.ndim == 3 else None
            self._found[case] = class_distances(found, true, self.num_classes, spacing)
            del self._open[case]


def _stacked(places: Sequence[int], masks: Sequence[np.ndarray]) -> np.ndarray:
    """(N, H, W) of the slices that there are, each in its place."""
    volume = np.zeros((max(places) - min(places) + 1, *masks[0].shape), np.uint8)
    volume[np.array(places) - min(places)] = np.stack(masks)
    return volume

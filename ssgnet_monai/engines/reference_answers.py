"""What test images score without a network: Otsu's threshold, all foreground, and the mask of most training images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

import torch

from ssgnet_monai.metrics import confusion_counts, fit_otsu, majority_mask

Batch = Mapping[str, torch.Tensor]
BATCHES = 32
"""Batches of training images that choose Otsu's channel and polarity, out of six, or the majority mask."""


@dataclass
class ReferenceAnswers:
    """Counts of answers that need no network.

    Args:
        counts: (n, K, 4) of every answer: TP, TN, FP, FN of the n test images.
        truth: (n, K) pixels of every class in the true masks.
        left_out: why an answer is missing.
    """

    counts: dict[str, torch.Tensor]
    truth: torch.Tensor
    left_out: dict[str, str]


def reference_answers(training: Iterable[Batch], test: Iterable[Batch], num_classes: int) -> ReferenceAnswers:
    """Score the test images with answers that need no network.

    Of two classes these are Otsu's threshold (pictures and slices only) and all foreground; of more, the class that is
    the most frequent in the training masks at each place, where training and test masks have one shape.

    Args:
        training: batches of "image" (B, C, ...) and "label" (B, 1, ...), class numbers; the first are looked at.
        test: likewise, all test images in order.
        num_classes: K.
    """
    answers, left_out = _answers(islice(training, BATCHES), num_classes)
    counts: dict[str, list[torch.Tensor]] = {name: [] for name in answers}
    truth = []
    for batch in test:
        label = batch["label"]
        background = confusion_counts(torch.zeros_like(label), label, num_classes)
        truth.append(background[..., 0] + background[..., 3])
        for name in list(answers):
            found = answers[name](batch)
            if found.shape == label.shape:
                counts[name].append(confusion_counts(found, label, num_classes))
            else:
                left_out[name] = "Training and test masks are of different sizes."
                del answers[name]
    return ReferenceAnswers({name: torch.cat(counts[name]) for name in answers}, torch.cat(truth), left_out)


def _answers(
    training: Iterator[Batch], num_classes: int
) -> tuple[dict[str, Callable[[Batch], torch.Tensor]], dict[str, str]]:
    if num_classes > 2:
        left_out = {"otsu": "One threshold makes two classes."}
        majority = majority_mask((batch["label"] for batch in training), num_classes)
        if majority is None:
            return {}, {**left_out, "majority_mask": "The training masks are of different sizes."}
        return {"majority_mask": lambda batch: majority.expand(len(batch["label"]), *majority.shape)}, left_out
    answers: dict[str, Callable[[Batch], torch.Tensor]] = {"all_foreground": lambda b: torch.ones_like(b["label"])}
    first = next(training)
    if first["image"].ndim > 4:
        return answers, {"otsu": "It is fitted on pictures and slices alone."}
    seen = [(batch["image"], batch["label"]) for batch in chain([first], training)]
    images, masks = (torch.cat(part) for part in zip(*seen, strict=True))
    otsu = fit_otsu(images, masks)
    return {"otsu": lambda batch: otsu.predict(batch["image"]), **answers}, {}

"""What test images score without a network: the training masks' mean, Otsu's threshold, all foreground."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import torch

from ssgnet_monai.metrics import confusion_counts, fit_otsu, image_blind_mask

Batch = Mapping[str, torch.Tensor]
BATCHES = 32
"""Batches of training images: they choose Otsu's channel and polarity, out of six, and make the image-blind mask."""


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

    These are one mask for all images (``image_blind``: what most training masks hold at each place), where training and
    test masks have one shape, and of two classes Otsu's threshold (pictures and slices only) and all foreground.

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
    images, masks = [], []
    for batch in training:
        masks.append(batch["label"].to(torch.uint8))
        if num_classes == 2 and batch["image"].ndim == 4:
            images.append(batch["image"])
    answers: dict[str, Callable[[Batch], torch.Tensor]] = {}
    left_out = {}
    blind = image_blind_mask(masks, num_classes)
    if blind is None:
        left_out["image_blind"] = "The training masks are of different sizes."
    else:
        answers["image_blind"] = lambda batch: blind.expand(len(batch["label"]), *blind.shape)
    if images:
        otsu = fit_otsu(torch.cat(images), torch.cat(masks))
        answers["otsu"] = lambda batch: otsu.predict(batch["image"])
    else:
        left_out["otsu"] = (
            "One threshold makes two classes." if num_classes > 2 else "It is fitted on pictures and slices alone."
        )
    if num_classes == 2:
        answers["all_foreground"] = lambda batch: torch.ones_like(batch["label"])
    return answers, left_out

"""Scores of a classifier: confusion, accuracy, F1, ROC-AUC, with bootstrap intervals over images."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from ssgnet_monai.metrics.bootstrap import ENDS, RESAMPLES, resample_counts

CLASS_SCORES = ("accuracy", "macro_f1", "roc_auc")


def predicted_classes(probabilities: torch.Tensor) -> torch.Tensor:
    """The decision: of two classes the second above 0.5, of more the most probable.

    Args:
        probabilities: (n, K).

    Returns:
        (n,) class numbers.

    Source: MedMNIST's evaluator (Yang et al. 2023).
    """
    return (probabilities[:, 1] > 0.5).long() if probabilities.shape[1] == 2 else probabilities.argmax(1)


def confusion_matrix(predicted: torch.Tensor, labels: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Numbers of images, true classes in rows, predicted ones in columns: (K, K) int64.

    Args:
        predicted: (n,) class numbers.
        labels: (n,) class numbers.
        num_classes: K.
    """
    return torch.bincount(labels * num_classes + predicted, minlength=num_classes**2).view(num_classes, num_classes)


def per_class_scores(confusion: torch.Tensor) -> dict[str, torch.Tensor]:
    """Precision, recall, F1 and support of every class; 0/0 counts as 0.

    Args:
        confusion: (..., K, K), true classes in rows.

    Returns:
        Each (..., K) float64.
    """
    confusion = confusion.double()
    hits, true, found = confusion.diagonal(dim1=-2, dim2=-1), confusion.sum(-1), confusion.sum(-2)
    return {
        "precision": hits / found.clamp(min=1),
        "recall": hits / true.clamp(min=1),
        "f1": 2 * hits / (true + found).clamp(min=1),
        "support": true,
    }


def class_scores(
    probabilities: torch.Tensor, labels: torch.Tensor, times: torch.Tensor | None = None
) -> dict[str, torch.Tensor]:
    """Accuracy, macro-F1 (mean over all classes) and ROC-AUC, of the images or of many resamples at once.

    ROC-AUC is that of the second of two classes, of more the mean of each against the rest; nan without one of them.

    Args:
        probabilities: (n, K).
        labels: (n,) class numbers.
        times: (R, n) how often each resample holds each image; None: once.

    Returns:
        "accuracy", "macro_f1", "roc_auc", each (R,) float64.

    Raises:
        ValueError: shapes that do not fit, no image, or a label that is no class.
    """
    _check(probabilities, labels)
    probabilities, count = probabilities.double(), probabilities.shape[1]
    times = torch.ones(1, len(labels), dtype=torch.float64) if times is None else times
    cells = F.one_hot(labels * count + predicted_classes(probabilities), count**2).double()
    confusion = (times @ cells).view(-1, count, count)
    columns = [1] if count == 2 else range(count)
    areas = [_area(times, probabilities[:, column], labels == column) for column in columns]
    return {
        "accuracy": confusion.diagonal(dim1=1, dim2=2).sum(1) / confusion.sum((1, 2)),
        "macro_f1": per_class_scores(confusion)["f1"].mean(1),
        "roc_auc": torch.stack(areas).mean(0),
    }


def bootstrap_intervals(
    probabilities: torch.Tensor,
    labels: torch.Tensor,
    seed: int,
    n: int = 2000,
    groups: Sequence[Hashable] | None = None,
) -> dict[str, Any]:
    """95 % percentile intervals over resampled groups; resamples without any image of a class have no ROC-AUC.

    Args:
        probabilities: (images, K).
        labels: (images,) class numbers.
        seed: of the resampling.
        n: number of resamples.
        groups: of every image, drawn together (see ``resample_counts``). None: images are drawn.

    Returns:
        Score -> [low, high]; None for both where there is no value.

    Source: Efron and Tibshirani 1993, section 13.3.
    """
    found = _resampled(probabilities, labels, seed, n, groups)
    return {name: plain_numbers(torch.nanquantile(values, ENDS)) for name, values in found.items()}


def paired_class_bootstrap(
    ours: torch.Tensor,
    reference: torch.Tensor,
    labels: torch.Tensor,
    seed: int,
    n: int = 2000,
    groups: Sequence[Hashable] | None = None,
) -> dict[str, dict[str, float | None]]:
    """Scores of one classifier minus those of another on the same images, with 95 % intervals over resampled images.

    Args:
        ours: probabilities (images, K).
        reference: the same of the other classifier.
        labels: (images,) class numbers.
        seed: of the resampling.
        n: number of resamples.
        groups: of every image, drawn together (see ``resample_counts``). None: images are drawn.

    Returns:
        Score -> {"difference", "low", "high"}; None where there is no value.

    Source: Efron and Tibshirani 1993, section 13.3.
    """
    both = [(class_scores(p, labels), _resampled(p, labels, seed, n, groups)) for p in (ours, reference)]
    result = {}
    for name in CLASS_SCORES:
        at_once, resampled = (one[name] - other[name] for one, other in zip(*both, strict=True))
        values = plain_numbers(torch.cat([at_once, torch.nanquantile(resampled, ENDS)]))
        result[name] = dict(zip(("difference", "low", "high"), values, strict=True))
    return result


def resampled_class_scores(
    probabilities: torch.Tensor,
    labels: torch.Tensor,
    seed: int,
    n: int = RESAMPLES,
    groups: Sequence[Hashable] | None = None,
) -> dict[str, torch.Tensor]:
    """Scores of classifiers of several seeds of training, with all images and in each resample of groups.

    All seeds, and all classifiers of the same images, meet the same resamples: ``interval_over_seeds`` of these scores,
    or of their difference to those of others, is the statistic of ``paired_bootstrap``.

    Args:
        probabilities: (seeds, images, K).
        labels: (images,) class numbers.
        seed: of the resampling.
        n: number of resamples.
        groups: of every image, drawn together (see ``resample_counts``). None: images are drawn.

    Returns:
        Score -> (1 + n, seeds) float64.
    """
    rows = [torch.ones(1, len(labels), dtype=torch.float64), *resample_counts(len(labels), seed, n, groups)]
    parts = [[class_scores(of_seed, labels, times) for times in rows] for of_seed in probabilities]
    return {
        name: torch.stack([torch.cat([part[name] for part in of_seed]) for of_seed in parts], dim=1)
        for name in CLASS_SCORES
    }


def plain_numbers(values: torch.Tensor) -> list[float | None]:
    """Numbers for JSON, which has no nan: those are None."""
    return [None if value != value else value for value in values.tolist()]


def _resampled(
    probabilities: torch.Tensor, labels: torch.Tensor, seed: int, n: int, groups: Sequence[Hashable] | None
) -> dict[str, torch.Tensor]:
    parts = [class_scores(probabilities, labels, times) for times in resample_counts(len(labels), seed, n, groups)]
    return {name: torch.cat([part[name] for part in parts]) for name in CLASS_SCORES}


def _area(times: torch.Tensor, scores: torch.Tensor, positive: torch.Tensor) -> torch.Tensor:
    """Share of (positive, negative) pairs in order, ties counting half, for every row of ``times``."""
    values, group = scores.unique(return_inverse=True)
    empty = times.new_zeros(len(times), len(values))
    above = empty.index_add(1, group, times * positive)
    below = empty.index_add(1, group, times * ~positive)
    ordered = (above * (below.cumsum(1) - below / 2)).sum(1)
    return ordered / (above.sum(1) * below.sum(1))


def _check(probabilities: torch.Tensor, labels: torch.Tensor) -> None:
    n, count = probabilities.shape if probabilities.ndim == 2 else (0, 0)
    if n == 0 or count < 2 or labels.shape != (n,):
        raise ValueError(
            f"Expected probabilities (n >= 1, K >= 2) and labels (n,), got {tuple(probabilities.shape)} and "
            f"{tuple(labels.shape)}."
        )
    if labels.min() < 0 or labels.max() >= count:
        raise ValueError(f"Expected labels from 0 to {count - 1}, got {int(labels.min())} to {int(labels.max())}.")

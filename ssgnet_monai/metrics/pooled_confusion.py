"""Segmentation scores from confusion counts: pooled over all pixels, over two classes, and image by image."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import torch
from monai.metrics import CumulativeIterationMetric

POOLED_METRICS = ("dice", "miou", "accuracy", "sensitivity", "specificity")
_THRESHOLD = 0.5


def confusion_counts(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Count true and false positives and negatives of every image.

    Args:
        prediction: masks or probabilities (B, 1, H, W), foreground from 0.5 upwards.
        target: masks (B, 1, H, W), foreground from 0.5 upwards.

    Returns:
        (B, 4) float64: TP, TN, FP, FN.

    Raises:
        ValueError: If the shapes differ, or there is more than one channel.

    Source: SSGNet (arXiv 2510.06123), section 4.
    """
    if prediction.shape != target.shape or prediction.ndim < 3 or prediction.shape[1] != 1:
        raise ValueError(
            "Expected prediction and target of one shape (B, 1, H, W), "
            f"got {tuple(prediction.shape)} and {tuple(target.shape)}. Take the foreground channel of both."
        )
    found, true = (x.flatten(1) >= _THRESHOLD for x in (prediction, target))
    cells = (found & true, ~found & ~true, found & ~true, ~found & true)
    return torch.stack([cell.sum(1) for cell in cells], dim=1).double()


def pooled_metrics(counts: torch.Tensor) -> dict[str, float]:
    """Scores of the foreground over all pixels of all images; 0/0 counts as 0.

    Args:
        counts: (n, 4) or (4,): TP, TN, FP, FN.

    Returns:
        dice 2TP/(2TP+FP+FN), miou TP/(TP+FP+FN), accuracy (TP+TN)/all, sensitivity TP/(TP+FN),
        specificity TN/(TN+FP). ("miou" is the foreground's pooled IoU, as in the paper's tables.)

    Source: SSGNet (arXiv 2510.06123), Table 2.
    """
    tp, tn, fp, fn = _totals(counts)
    return {
        "dice": _ratio(2 * tp, 2 * tp + fp + fn),
        "miou": _ratio(tp, tp + fp + fn),
        "accuracy": _ratio(tp + tn, tp + tn + fp + fn),
        "sensitivity": _ratio(tp, tp + fn),
        "specificity": _ratio(tn, tn + fp),
    }


def two_class_metrics(counts: torch.Tensor) -> dict[str, float]:
    """Means over {background, foreground} of the pooled Dice and IoU, as the t-vMF rows of the paper have them.

    Args:
        counts: (n, 4) or (4,): TP, TN, FP, FN.

    Returns:
        dice and miou.

    Source: SSGNet (arXiv 2510.06123), Table 2 (adaptive t-vMF rows).
    """
    tp, tn, fp, fn = _totals(counts)
    wrong = fp + fn
    return {
        "dice": (_ratio(2 * tp, 2 * tp + wrong) + _ratio(2 * tn, 2 * tn + wrong)) / 2,
        "miou": (_ratio(tp, tp + wrong) + _ratio(tn, tn + wrong)) / 2,
    }


def per_image_scores(counts: torch.Tensor) -> dict[str, torch.Tensor]:
    """Foreground Dice and IoU of every image; 1 where prediction and truth are both empty.

    Args:
        counts: (n, 4): TP, TN, FP, FN.

    Returns:
        dice and miou, each (n,) float64.

    Source: Metrics Reloaded (arXiv 2206.01653), section on empty references.
    """
    tp, _, fp, fn = counts.double().unbind(1)
    wrong = fp + fn
    one = torch.ones_like(tp)
    empty = tp + wrong == 0
    return {
        "dice": torch.where(empty, one, 2 * tp / (2 * tp + wrong)),
        "miou": torch.where(empty, one, tp / (tp + wrong)),
    }


def sum_by_case(counts: torch.Tensor, cases: Sequence[Hashable]) -> torch.Tensor:
    """Counts of cases: those of a volume's slices added up, so that its Dice is that of the volume.

    Args:
        counts: (n, 4): TP, TN, FP, FN of images.
        cases: the case of every image.

    Returns:
        (number of cases, 4) float64, cases in the order in which they first occur.
    """
    numbers: dict[Hashable, int] = {}
    member = torch.tensor([numbers.setdefault(case, len(numbers)) for case in cases])
    return torch.zeros(len(numbers), 4, dtype=torch.float64).index_add_(0, member, counts.cpu().double())


def count_empty_images(counts: torch.Tensor) -> int:
    """Number of images without any true foreground.

    Args:
        counts: (n, 4): TP, TN, FP, FN.

    Returns:
        How many rows have TP + FN = 0.
    """
    return int((counts[:, 0] + counts[:, 3] == 0).sum())


def summarise_counts(counts: torch.Tensor) -> dict[str, dict[str, float]]:
    """All forms of the scores, as ``metrics.json`` holds them.

    Args:
        counts: (n, 4): TP, TN, FP, FN of n images.

    Returns:
        {"pooled": ..., "two_class": ..., "per_image": {"dice_mean", "dice_sd", "miou_mean", "miou_sd"}}; the standard
        deviations are those of a sample (n - 1), 0 for one image.

    Raises:
        ValueError: If there is no image, or the shape does not fit.

    Source: SSGNet (arXiv 2510.06123), section 4.
    """
    if counts.ndim != 2 or counts.shape[1] != 4 or len(counts) == 0:
        raise ValueError(f"Expected counts (n >= 1, 4) of TP, TN, FP, FN, got {tuple(counts.shape)}.")
    spread = {}
    for name, values in per_image_scores(counts).items():
        spread[f"{name}_mean"] = values.mean().item()
        spread[f"{name}_sd"] = values.std().item() if len(values) > 1 else 0.0
    return {"pooled": pooled_metrics(counts), "two_class": two_class_metrics(counts), "per_image": spread}


class PooledConfusionMetric(CumulativeIterationMetric):
    """Cumulative metric whose value is one pooled score and whose buffer holds the counts (n, 4) of every image.

    With ``monai.handlers.IgniteMetricHandler`` it serves as key metric; the counts are then found in
    ``engine.state.metric_details``.

    Args:
        metric: which of `pooled_metrics` is the value: dice, miou, accuracy, sensitivity or specificity.

    Raises:
        ValueError: If ``metric`` is not a known name.

    Source: SSGNet (arXiv 2510.06123), Table 2.
    """

    def __init__(self, metric: str = "dice") -> None:
        super().__init__()
        if metric not in POOLED_METRICS:
            raise ValueError(f"Expected metric to be one of {POOLED_METRICS}, got {metric!r}.")
        self.metric = metric

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor | None = None, **_: Any) -> torch.Tensor:
        if y is None:
            raise ValueError("Expected target masks beside the predictions, got none.")
        return confusion_counts(y_pred, y)

    def aggregate(self) -> torch.Tensor:
        """Return the pooled score of everything seen since the last reset, a scalar.

        NaN for dice, miou and sensitivity where no image has any true foreground: they are then 0 or 0/0 for every
        model, and such a score chooses nothing.
        """
        counts = self.get_buffer()
        if not isinstance(counts, torch.Tensor):
            raise ValueError("Expected at least one batch before aggregate(), got none.")
        known = self.metric in ("accuracy", "specificity") or count_empty_images(counts) < len(counts)
        return torch.tensor(pooled_metrics(counts)[self.metric] if known else math.nan, dtype=torch.float64)


def _totals(counts: torch.Tensor) -> list[float]:
    return counts.double().reshape(-1, 4).sum(0).tolist()


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else 0.0

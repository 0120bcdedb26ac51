"""The score that chooses checkpoints: pooled over all pixels of the validation images."""

from __future__ import annotations

import math
from typing import Any

import torch
from monai.metrics import CumulativeIterationMetric

from ssgnet_monai.metrics.confusion import confusion_counts, count_empty_cases
from ssgnet_monai.metrics.segmentation_scores import POOLED_SCORES, pooled_scores


class PooledConfusionMetric(CumulativeIterationMetric):
    """Cumulative metric whose value is one pooled score and whose buffer holds the counts (n, K, 4) of every image.

    With ``monai.handlers.IgniteMetricHandler`` it serves as key metric; the counts are then found in
    ``engine.state.metric_details``. Predictions and targets are class numbers; see ``confusion_counts``.

    Args:
        num_classes: K, background included.
        metric: which of `pooled_scores` is the value: dice, iou, accuracy, sensitivity or specificity. Of several
            foreground classes it is their mean.

    Raises:
        ValueError: If ``metric`` is not a known name, or ``num_classes`` is below 2.

    Source: SSGNet (arXiv 2510.06123), Table 2.
    """

    def __init__(self, num_classes: int = 2, metric: str = "dice") -> None:
        super().__init__()
        if num_classes < 2:
            raise ValueError(f"Expected num_classes of at least 2 (background is one), got {num_classes}.")
        if metric not in POOLED_SCORES:
            raise ValueError(f"Expected metric to be one of {POOLED_SCORES}, got {metric!r}.")
        self.num_classes, self.metric = num_classes, metric

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor | None = None, **_: Any) -> torch.Tensor:
        if y is None:
            raise ValueError("Expected target masks beside the predictions, got none.")
        return confusion_counts(y_pred, y, self.num_classes)

    def aggregate(self) -> torch.Tensor:
        """Return the pooled score of everything seen since the last reset, a scalar.

        NaN for dice, iou and sensitivity where no image has any true foreground: they are then 0 or 0/0 for every
        model, and such a score chooses nothing.
        """
        counts = self.get_buffer()
        if not isinstance(counts, torch.Tensor):
            raise ValueError("Expected at least one batch before aggregate(), got none.")
        known = self.metric in ("accuracy", "specificity") or count_empty_cases(counts) < len(counts)
        return torch.tensor(pooled_scores(counts)[self.metric] if known else math.nan, dtype=torch.float64)

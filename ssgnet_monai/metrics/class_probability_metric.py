"""A classifier's validation score, and the probabilities behind it."""

from __future__ import annotations

from typing import Any

import torch
from monai.metrics import CumulativeIterationMetric

from ssgnet_monai.metrics.classification import CLASS_SCORES, class_scores


class ClassProbabilityMetric(CumulativeIterationMetric):
    """Cumulative metric whose value is one score and whose buffer holds probabilities and label of every image.

    With ``monai.handlers.IgniteMetricHandler`` it serves as key metric; the buffer (n, K + 1) is then found in
    ``engine.state.metric_details``.

    Args:
        metric: log_likelihood (mean over images of the log-probability of the true class, the cross-entropy's negative:
            higher is better), accuracy, macro_f1 or roc_auc (nan where a class is absent).

    Raises:
        ValueError: ``metric`` is not a known name.
    """

    def __init__(self, metric: str = "log_likelihood") -> None:
        super().__init__()
        if metric not in ("log_likelihood", *CLASS_SCORES):
            raise ValueError(f"Expected metric to be log_likelihood or one of {CLASS_SCORES}, got {metric!r}.")
        self.metric = metric

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor | None = None, **_: Any) -> torch.Tensor:
        if y is None or y_pred.ndim != 2 or y.shape != y_pred.shape[:1]:
            found = None if y is None else tuple(y.shape)
            raise ValueError(f"Expected probabilities (B, K) and labels (B,), got {tuple(y_pred.shape)} and {found}.")
        return torch.cat([y_pred.double(), y[:, None].double()], dim=1)

    def aggregate(self) -> torch.Tensor:
        """Return the score of everything seen since the last reset, a scalar."""
        buffer = self.get_buffer()
        if not isinstance(buffer, torch.Tensor):
            raise ValueError("Expected at least one batch before aggregate(), got none.")
        probabilities, labels = split_buffer(buffer.cpu())
        if self.metric == "log_likelihood":
            true = probabilities.gather(1, labels[:, None])
            return true.clamp(min=torch.finfo(torch.float32).tiny).log().mean()
        return class_scores(probabilities, labels)[self.metric][0]


def split_buffer(buffer: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities (n, K) and labels (n,) out of a buffer (n, K + 1)."""
    return buffer[:, :-1], buffer[:, -1].long()

"""How far a classifier's confidence is from its accuracy."""

from __future__ import annotations

from typing import Any

import torch


def expected_calibration_error(confidence: torch.Tensor, correct: torch.Tensor, bins: int = 10) -> dict[str, Any]:
    """Mean gap between confidence and accuracy over equal bins of confidence, weighted by their images.

    Args:
        confidence: (n,) probability of the predicted class, in [0, 1].
        correct: (n,) whether the prediction is right.
        bins: number of bins; each is open below and closed above.

    Returns:
        {"ece", "bins": [{"low", "high", "n", "confidence", "accuracy"}, ...]}; empty bins are left out.

    Source: Guo et al. 2017 (arXiv 1706.04599), Eq. 3.
    """
    confidence, correct = confidence.double(), correct.double()
    place = (confidence * bins).ceil().long().sub(1).clamp(0, bins - 1)
    rows, ece = [], 0.0
    for index in place.unique().tolist():
        inside = place == index
        mean, accuracy = confidence[inside].mean().item(), correct[inside].mean().item()
        ece += inside.double().mean().item() * abs(mean - accuracy)
        rows.append(
            {
                "low": index / bins,
                "high": (index + 1) / bins,
                "n": int(inside.sum()),
                "confidence": mean,
                "accuracy": accuracy,
            }
        )
    return {"ece": ece, "bins": rows}

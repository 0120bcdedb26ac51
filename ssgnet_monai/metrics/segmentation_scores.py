"""Segmentation scores from confusion counts: pooled over all pixels, over all classes, and case by case.

A class that neither truth nor prediction holds has no score (NaN): it is left out of the mean over foreground classes.
With two classes there is but one foreground class, and something has to stand for it: pooled it scores 0, a case
whose mask and prediction are both empty scores 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

POOLED_SCORES = ("dice", "iou", "accuracy", "sensitivity", "specificity")


def class_ratios(counts: torch.Tensor) -> dict[str, torch.Tensor]:
    """Scores of each class against all others.

    Args:
        counts: (..., 4): TP, TN, FP, FN.

    Returns:
        dice 2TP/(2TP+FP+FN), iou TP/(TP+FP+FN), sensitivity TP/(TP+FN), specificity TN/(TN+FP), each (...) float64; NaN
        for 0/0.

    Source: SSGNet (arXiv 2510.06123), Table 2.
    """
    tp, tn, fp, fn = counts.double().unbind(-1)
    wrong = fp + fn
    return {
        "dice": 2 * tp / (2 * tp + wrong),
        "iou": tp / (tp + wrong),
        "sensitivity": tp / (tp + fn),
        "specificity": tn / (tn + fp),
    }


def foreground_mean(values: torch.Tensor, nothing: float) -> torch.Tensor:
    """Mean over the foreground classes that have a score.

    Args:
        values: (..., K) scores of the classes, background first; NaN: no score.
        nothing: the score where a mask of two classes (K = 2) has none.

    Returns:
        (...): NaN where none of several foreground classes has a score.
    """
    mean = values[..., 1:].nanmean(-1)
    return mean.nan_to_num(nothing) if values.shape[-1] == 2 else mean


def pooled_scores(counts: torch.Tensor) -> dict[str, float]:
    """Scores over all pixels of all images, means over the foreground classes.

    Args:
        counts: (n, K, 4) or (K, 4): TP, TN, FP, FN.

    Returns:
        dice, iou, sensitivity and specificity: see ``class_ratios``; accuracy: the share of right pixels.

    Source: SSGNet (arXiv 2510.06123), Table 2.
    """
    totals = _totals(counts)
    means = {name: foreground_mean(values, 0.0).item() for name, values in class_ratios(totals).items()}
    right, pixels = totals[:, 0].sum().item(), totals[0].sum().item()
    means["accuracy"] = right / pixels if pixels else 0.0
    return {name: means[name] for name in POOLED_SCORES}


def macro_scores(counts: torch.Tensor) -> dict[str, float]:
    """Means over all classes, background included, of the pooled Dice and IoU, as t-vMF's authors have them.

    Args:
        counts: (n, K, 4) or (K, 4): TP, TN, FP, FN.

    Returns:
        dice and iou.

    Source: SSGNet (arXiv 2510.06123), Table 2 (adaptive t-vMF rows).
    """
    ratios = class_ratios(_totals(counts))
    found = {name: ratios[name] for name in ("dice", "iou")}
    if counts.shape[-2] == 2:
        found = {name: values.nan_to_num(0.0) for name, values in found.items()}
    return {name: values.nanmean().item() for name, values in found.items()}


def case_scores(counts: torch.Tensor) -> dict[str, torch.Tensor]:
    """Dice and IoU of every case, means over its foreground classes.

    Args:
        counts: (n, K, 4): TP, TN, FP, FN.

    Returns:
        dice and iou, each (n,) float64: NaN where none of several foreground classes is in truth or prediction; of two
        classes, 1 where mask and prediction are both empty.

    Source: Metrics Reloaded (arXiv 2206.01653), section on empty references.
    """
    ratios = class_ratios(counts)
    return {name: foreground_mean(ratios[name], 1.0) for name in ("dice", "iou")}


def summarise_counts(counts: torch.Tensor, label_names: Sequence[str]) -> dict[str, Any]:
    """All forms of the scores, as ``metrics.json`` holds them.

    Args:
        counts: (n, K, 4): TP, TN, FP, FN of n cases.
        label_names: of the K classes, background first.

    Returns:
        ``{"pooled": ..., "macro": ..., "per_case": {"dice_mean", "dice_sd", "iou_mean", "iou_sd", "n_absent"}}`` and,
        of more than two classes, ``"classes": {name: {"pooled", "per_case"}}`` of the foreground's. The standard
        deviations are those of a sample (n - 1), 0 for one case. ``n_absent`` counts the cases that are in no mean:
        truth and prediction both lack the class. A score that nothing has is None.

    Raises:
        ValueError: If there is no case, or the shapes do not fit.

    Source: SSGNet (arXiv 2510.06123), section 4.
    """
    if counts.ndim != 3 or counts.shape[1:] != (len(label_names), 4) or len(counts) == 0:
        raise ValueError(
            f"Expected counts (n >= 1, {len(label_names)}, 4) of TP, TN, FP, FN of {list(label_names)}, "
            f"got {tuple(counts.shape)}."
        )
    summary: dict[str, Any] = {
        "pooled": without_nan(pooled_scores(counts)),
        "macro": without_nan(macro_scores(counts)),
        "per_case": _spread(case_scores(counts)),
    }
    if len(label_names) > 2:
        pooled, by_case = class_ratios(_totals(counts)), class_ratios(counts)
        summary["classes"] = {
            name: {
                "pooled": without_nan({score: values[number].item() for score, values in pooled.items()}),
                "per_case": _spread({score: by_case[score][:, number] for score in ("dice", "iou")}),
            }
            for number, name in enumerate(label_names)
            if number > 0
        }
    return summary


def without_nan(scores: dict[str, float]) -> dict[str, float | None]:
    """Scores with None, which JSON can hold, in place of NaN."""
    return {name: None if math.isnan(value) else value for name, value in scores.items()}


def _spread(scores: dict[str, torch.Tensor]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name, values in scores.items():
        present = values[~values.isnan()]
        found[f"{name}_mean"] = present.mean().item() if len(present) else None
        found[f"{name}_sd"] = present.std().item() if len(present) > 1 else 0.0 if len(present) else None
        found["n_absent"] = len(values) - len(present)
    return found


def _totals(counts: torch.Tensor) -> torch.Tensor:
    """(K, 4) float64, over all images."""
    return counts.double().reshape(-1, *counts.shape[-2:]).sum(0)

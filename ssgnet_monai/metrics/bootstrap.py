"""Paired bootstrap over the groups (patients) of test cases."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import torch

from ssgnet_monai.metrics.segmentation_scores import class_ratios, foreground_mean


def paired_bootstrap(
    a: torch.Tensor, b: torch.Tensor, seed: int, n: int = 2000, groups: Sequence[Hashable] | None = None
) -> dict[str, Any]:
    """Difference of two models on the same cases, with its 95 % percentile interval over resampled groups.

    Args:
        a: first model: confusion counts (cases, K, 4) of TP, TN, FP, FN, compared by pooled Dice (the mean over
            foreground classes), or scores (cases,), compared by their mean; NaN: the case has no score with this model.
        b: second model, same shape and order of cases.
        seed: of the resampling.
        n: number of resamples.
        groups: of every case, drawn together: images of one patient are not independent. None: each by itself.

    Returns:
        {"difference": score of a minus score of b, "ci95": [low, high], "n_groups": how many were drawn from}.

    Raises:
        ValueError: If the shapes differ, are of another form, or hold no case.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3.
    """
    if a.shape != b.shape or a.ndim not in (1, 3) or len(a) == 0 or (a.ndim == 3 and a.shape[2] != 4):
        raise ValueError(
            "Expected two tensors of one shape, (cases, K, 4) or (cases,), with at least one case, "
            f"got {tuple(a.shape)} and {tuple(b.shape)}."
        )
    images = len(a)
    times = resample_counts(images, seed, n, groups)
    once = torch.ones(1, images, dtype=torch.float64)
    rows = torch.cat([once, times])
    differences = _score(rows, a) - _score(rows, b)
    low, high = torch.nanquantile(differences[1:], torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    n_groups = images if groups is None else len(set(groups))
    return {"difference": differences[0].item(), "ci95": [low, high], "n_groups": n_groups}


def resample_counts(images: int, seed: int, n: int = 2000, groups: Sequence[Hashable] | None = None) -> torch.Tensor:
    """How many times each resample holds each image.

    Args:
        images: number of images.
        seed: of the resampling.
        n: number of resamples.
        groups: of every image; as many groups are drawn as there are, each with all its images. None, or groups of one
            image: images are drawn.

    Returns:
        (n, images) float64; the images of a group are held equally often.
    """
    numbers: dict[Hashable, int] = {}
    member = [numbers.setdefault(group, len(numbers)) for group in (range(images) if groups is None else groups)]
    if len(member) != images:
        raise ValueError(f"Expected a group for each of {images} images, got {len(member)}.")
    drawn = torch.randint(len(numbers), (n, len(numbers)), generator=torch.Generator().manual_seed(seed))
    times = torch.zeros(n, len(numbers), dtype=torch.float64)
    times.scatter_add_(1, drawn, torch.ones_like(drawn, dtype=torch.float64))
    return times[:, member]


def _score(times: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Score of every resample, given how many times it holds each case."""
    values = values.detach().cpu().double()
    if values.ndim == 1:
        scored = ~values.isnan()
        return times @ values.nan_to_num(0.0) / (times @ scored.double())
    totals = (times @ values.flatten(1)).unflatten(1, values.shape[1:])
    return foreground_mean(class_ratios(totals)["dice"], 0.0)

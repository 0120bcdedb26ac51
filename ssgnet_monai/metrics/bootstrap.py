"""Paired bootstrap over the groups (patients) of test images."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import torch


def paired_bootstrap(
    a: torch.Tensor, b: torch.Tensor, seed: int, n: int = 2000, groups: Sequence[Hashable] | None = None
) -> dict[str, Any]:
    """Difference of two models on the same images, with its 95 % percentile interval over resampled groups.

    Args:
        a: first model: confusion counts (images, 4) TP, TN, FP, FN, compared by pooled Dice, or scores (images,),
            compared by their mean.
        b: second model, same shape and order of images.
        seed: of the resampling.
        n: number of resamples.
        groups: of every image, drawn together: images of one patient are not independent. None: each by itself.

    Returns:
        {"difference": score of a minus score of b, "ci95": [low, high], "n_groups": how many were drawn from}.

    Raises:
        ValueError: If the shapes differ, are of another form, or hold no image.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3.
    """
    if a.shape != b.shape or a.ndim not in (1, 2) or len(a) == 0 or (a.ndim == 2 and a.shape[1] != 4):
        raise ValueError(
            "Expected two tensors of one shape, (images, 4) or (images,), with at least one image, "
            f"got {tuple(a.shape)} and {tuple(b.shape)}."
        )
    images = len(a)
    times = resample_counts(images, seed, n, groups)
    once = torch.ones(1, images, dtype=torch.float64)
    rows = torch.cat([once, times])
    differences = _score(rows, a) - _score(rows, b)
    low, high = torch.quantile(differences[1:], torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
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
    """Score of every resample, given how many times it holds each image."""
    values = values.detach().cpu().double()
    if values.ndim == 1:
        return times @ values / times.sum(1)
    tp, _, fp, fn = (times @ values).unbind(1)
    denominator = 2 * tp + fp + fn
    return torch.where(denominator > 0, 2 * tp / denominator.clamp(min=1), torch.zeros_like(tp))

"""Hierarchical paired bootstrap: two models on the same test cases, over seeds of training and groups of cases."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import torch

from ssgnet_monai.metrics.segmentation_scores import class_ratios, foreground_mean

RESAMPLES = 10_000
NUMBERS_AT_ONCE = 2**21  # of resamples times images: bounds the memory
ENDS = torch.tensor([0.025, 0.975], dtype=torch.float64)


def paired_bootstrap(
    a: torch.Tensor, b: torch.Tensor, seed: int, n: int = RESAMPLES, groups: Sequence[Hashable] | None = None
) -> dict[str, Any]:
    """Difference of two models on the same cases, with its 95 % interval and the difference that the test can resolve.

    A resample draws seeds, then groups; a drawn group brings all its cases. All seeds of a resample meet the same
    groups, as all trainings met the same test cases: more seeds do not make up for few patients. Of S seeds S - 1 are
    drawn, which gives the mean over few seeds its true variance; one seed is kept, and the interval then holds the
    chance of the test cases alone.

    The detectable difference is half the width of the interval, about 1.96 times the standard error of the difference.
    A true difference of that size leaves zero outside the interval in half of all repetitions, one of 1.43 times that
    size ((1.96 + 0.84) / 1.96) in four of five.

    Args:
        a: first model: scores (seeds, cases), compared by the mean over seeds of their mean over cases (NaN: the case
            has no score with this model), or confusion counts (seeds, cases, K, 4) of TP, TN, FP, FN, compared by
            pooled Dice (the mean over foreground classes). The first axis may lack where there is one seed.
        b: second model, same shape, order of seeds and order of cases.
        seed: of the resampling.
        n: number of resamples.
        groups: of every case, drawn together: images of one patient are not independent. None: each by itself.

    Returns:
        {"difference": score of a minus score of b, "ci95": [low, high], "detectable", "n_seeds", "n_groups"}; None for
        the first three where no case has a score.

    Raises:
        ValueError: If the shapes differ, are of another form, or hold no case.

    Source: Davison and Hinkley 1997, Bootstrap Methods and their Application, section 3.8 (levels); Owen 2007, The
        pigeonhole bootstrap (levels that cross); Rao and Wu 1988, Resampling inference with complex survey data (S - 1
        draws); Bloom 1995, Minimum detectable effects (the factor for four of five).
    """
    a, b = (values[None] if values.ndim % 2 else values for values in (a, b))
    if a.shape != b.shape or a.ndim not in (2, 4) or 0 in a.shape[:2] or (a.ndim == 4 and a.shape[3] != 4):
        raise ValueError(
            "Expected two tensors of one shape, (seeds, cases, K, 4) or (seeds, cases), with at least one case, "
            f"got {tuple(a.shape)} and {tuple(b.shape)}."
        )
    seeds, cases = a.shape[:2]
    a, b = (values.detach().cpu().double() for values in (a, b))
    rows = [torch.ones(1, cases, dtype=torch.float64), *resample_counts(cases, seed, n, groups)]
    by_seed = torch.cat([_scores(times, a) - _scores(times, b) for times in rows])
    found = interval_over_seeds(by_seed, seed)
    return {**found, "n_seeds": seeds, "n_groups": cases if groups is None else len(set(groups))}


def interval_over_seeds(by_seed: torch.Tensor, seed: int) -> dict[str, Any]:
    """What differences of every seed come to, see :func:`paired_bootstrap`.

    Args:
        by_seed: (1 + resamples, seeds): with all cases, and in each resample of cases.
        seed: of the resampling.

    Returns:
        {"difference", "ci95": [low, high], "detectable"}; None for all where there is no value.
    """
    difference = by_seed[0].mean().item()
    shares = _seed_shares(by_seed.shape[1], seed, len(by_seed) - 1)
    low, high = torch.nanquantile((by_seed[1:] * shares).sum(1), ENDS).tolist()
    if any(number != number for number in (difference, low, high)):
        return dict.fromkeys(("difference", "ci95", "detectable"))
    return {"difference": difference, "ci95": [low, high], "detectable": (high - low) / 2}


def resample_counts(
    images: int, seed: int, n: int = RESAMPLES, groups: Sequence[Hashable] | None = None
) -> Iterator[torch.Tensor]:
    """How many times each resample holds each image.

    Args:
        images: number of images.
        seed: of the resampling.
        n: number of resamples.
        groups: of every image; as many groups are drawn as there are, each with all its images. None, or groups of one
            image: images are drawn.

    Returns:
        Some rows after others of (n, images) float64; the images of a group are held equally often.
    """
    numbers: dict[Hashable, int] = {}
    member = [numbers.setdefault(group, len(numbers)) for group in (range(images) if groups is None else groups)]
    if len(member) != images:
        raise ValueError(f"Expected a group for each of {images} images, got {len(member)}.")
    generator = torch.Generator().manual_seed(seed)
    at_once = max(1, NUMBERS_AT_ONCE // images)
    for first in range(0, n, at_once):
        drawn = torch.randint(len(numbers), (min(at_once, n - first), len(numbers)), generator=generator)
        times = torch.zeros(drawn.shape, dtype=torch.float64)
        times.scatter_add_(1, drawn, torch.ones_like(times))
        yield times[:, member]


def _seed_shares(seeds: int, seed: int, n: int) -> torch.Tensor:
    """(n, seeds): the share of each seed in a resample."""
    if seeds == 1:
        return torch.ones(n, 1, dtype=torch.float64)
    drawn = torch.randint(seeds, (n, seeds - 1), generator=torch.Generator().manual_seed(seed + 1))
    return torch.nn.functional.one_hot(drawn, seeds).double().mean(1)


def _scores(times: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """(resamples, seeds): the score of every seed, given how many times a resample holds each case."""
    if values.ndim == 2:
        scored = ~values.isnan()
        return times @ values.nan_to_num(0.0).T / (times @ scored.double().T)
    totals = (times @ values.transpose(0, 1).flatten(1)).unflatten(1, (len(values), *values.shape[2:]))
    return foreground_mean(class_ratios(totals)["dice"], 0.0)

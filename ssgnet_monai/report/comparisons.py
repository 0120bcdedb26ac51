"""The chosen model of a row against its controls, the headroom and the floors, paired by seed and test case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ssgnet_monai.metrics.bootstrap import paired_bootstrap
from ssgnet_monai.metrics.classification import plain_numbers
from ssgnet_monai.metrics.segmentation_scores import case_scores, pooled_scores
from ssgnet_monai.report.case_counts import CaseCounts
from ssgnet_monai.report.over_seeds import statistic

CONTROLS = {
    "equal_steps": "Labelled images alone, equal steps",
    "equal_total_steps": "Labelled images alone, equal total steps",
    "duplicate_real": "Labelled images again as the pool",
    "real_only": "Labelled images alone, chosen on validation",
}
"""What a gain has to be shown against."""
HEADROOM = {"oracle": "True masks on the pool (oracle)"}
FLOORS = {
    "image_blind": "Mean training mask, image-blind",
    "otsu": "Otsu’s threshold",
    "all_foreground": "Every pixel foreground",
}
OLDER_NAMES = {"majority_mask": "image_blind"}
"""Of answers in results of earlier versions."""
VERDICTS = ("gain", "no difference", "loss")

Counts = Mapping[int, tuple[CaseCounts, str]]
"""Of one answer: seed -> the training's counts and the model's name in them."""


def compare(ours: Counts, others: Mapping[str, Counts], groups: Mapping[str, str]) -> list[dict[str, Any]]:
    """Differences of the chosen model and every other answer.

    Args:
        ours: the chosen model.
        others: names of ``CONTROLS``, ``HEADROOM`` and ``FLOORS``, or of other rows -> their answers; seeds that both
            have are paired.
        groups: case -> patient; a case that is not there is a group of its own.

    Returns:
        In the order of the names: ``{"control", "name", "kind" ("control" | "row" | "headroom" | "floor"), "seeds",
        "n", "dice", "pooled_dice", "per_case", "pooled"}``: the other's Dice as ``statistic`` over seeds, per case and
        pooled, and what ``paired_bootstrap`` says of ours minus the other's, ``per_case`` with the differences
        ``by_seed``.

    Raises:
        ValueError: two results hold other test cases.
    """
    rows = {key: f"Row {key}" for key in others if key not in CONTROLS | HEADROOM | FLOORS}
    return [
        {"control": key, "name": name, "kind": kind, **_compared(ours, others[key], groups)}
        for kind, names in (("control", CONTROLS), ("row", rows), ("headroom", HEADROOM), ("floor", FLOORS))
        for key, name in names.items()
        if set(ours) & set(others.get(key, ()))
    ]


def better_control(compared: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The control with the highest mean Dice per case: the one that a gain is claimed against."""
    controls = [
        entry for entry in compared if entry["kind"] == "control" and entry["per_case"]["difference"] is not None
    ]
    return dict(max(controls, key=lambda entry: entry["dice"]["mean"])) if controls else None


def verdict(difference: Mapping[str, Any]) -> str:
    """One of ``VERDICTS``, by where the 95 % interval of a difference lies."""
    low, high = difference["ci95"]
    return VERDICTS[0] if low > 0 else VERDICTS[2] if high < 0 else VERDICTS[1]


def mean_interval(ours: Counts, groups: Mapping[str, str]) -> dict[str, Any] | None:
    """Mean Dice per case of one answer with its interval over seeds and groups, as ``paired_bootstrap`` has it."""
    if not ours:
        return None
    counts, names = _stacked(ours, sorted(ours))
    dice = _by_case(counts)
    return paired_bootstrap(dice, torch.zeros_like(dice), seed=0, groups=_groups(names, groups))


def _compared(ours: Counts, other: Counts, groups: Mapping[str, str]) -> dict[str, Any]:
    seeds = sorted(set(ours) & set(other))
    (a, names), (b, other_names) = _stacked(ours, seeds), _stacked(other, seeds)
    _check_cases(names, ours[seeds[0]][0], other_names, other[seeds[0]][0])
    by_patient = _groups(names, groups)
    ours_by_case, by_case = _by_case(a), _by_case(b)
    per_case = paired_bootstrap(ours_by_case, by_case, seed=0, groups=by_patient)
    return {
        "seeds": seeds,
        "n": len(names),
        "dice": statistic(by_case.nanmean(1).tolist()),
        "pooled_dice": statistic(pooled_scores(counts)["dice"] for counts in b),
        "per_case": {**per_case, "by_seed": plain_numbers(ours_by_case.nanmean(1) - by_case.nanmean(1))},
        "pooled": paired_bootstrap(a, b, seed=0, groups=by_patient),
    }


def _stacked(answer: Counts, seeds: Sequence[int]) -> tuple[torch.Tensor, list[str]]:
    """(seeds, cases, K, 4), and the names of the cases."""
    parts = [(table.by_model[model], table) for table, model in (answer[seed] for seed in seeds)]
    first = parts[0][1]
    for _, table in parts[1:]:
        _check_cases(first.cases, first, table.cases, table)
    return torch.stack([counts for counts, _ in parts]), first.cases


def _by_case(counts: torch.Tensor) -> torch.Tensor:
    return torch.stack([case_scores(of_seed)["dice"] for of_seed in counts])


def _groups(names: Sequence[str], groups: Mapping[str, str]) -> list[str]:
    return [groups.get(name, f"case {name}") for name in names]


def _check_cases(names: Sequence[str], table: CaseCounts, other_names: Sequence[str], other: CaseCounts) -> None:
    if list(names) != list(other_names):
        raise ValueError(
            f"Expected the {len(names)} test cases of {table.path} in {other.path} too, in the same order, got "
            f"{len(other_names)} of which others are. Run the same experiment again, so that both meet one test list."
        )


def answers_of(tables: Mapping[int, CaseCounts], models: Mapping[int, str | None]) -> dict[int, tuple[CaseCounts, str]]:
    """The counts of one answer by seed: those seeds of which the named model is in the table."""
    named = ((seed, table, models.get(seed)) for seed, table in tables.items())
    return {seed: (table, name) for seed, table, name in named if name is not None and name in table.by_model}

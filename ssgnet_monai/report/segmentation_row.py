"""One row of the experiment (a network and a number of labelled images) over its seeds, as one dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ssgnet_monai.pipeline.layout import StageFolder
from ssgnet_monai.report.case_counts import CaseCounts, read_case_counts
from ssgnet_monai.report.comparisons import (
    CONTROLS,
    FLOORS,
    HEADROOM,
    OLDER_NAMES,
    answers_of,
    better_control,
    compare,
    mean_interval,
)
from ssgnet_monai.report.over_seeds import common, statistic
from ssgnet_monai.report.run_files import read_json

UNITS, MEASURES = ("mm", "voxels"), ("hd95", "assd")
SCORES = {
    "pooled": ("dice", "iou", "accuracy", "sensitivity", "specificity"),
    "macro": ("dice", "iou"),
    "per_case": ("dice_mean", "dice_sd", "iou_mean", "iou_sd", "n_absent"),
    "distances": (*(f"{m}_{unit}_{of}" for unit in UNITS for m in MEASURES for of in ("mean", "sd")), "n_undefined"),
}
ARM_NAMES = {"pseudo_label": "Pseudo-labels", "real_only": "Real only (control)"}
NETWORK_NAMES = {
    "model": "Trained model",
    "partner": "Partner, trained beside it",
    "ensemble": "Mean of both networks’ probabilities",
}
"""Checkpoints of a training without rounds, in the order of the report."""
BASELINE = "pseudo_label/round_00"
SHARES = ("pool_fraction", "synthetic_fraction")
_VALIDATION = ("val_dice", "label_change", "mean_confidence", "foreground", "seconds")


def segmentation_row(
    name: str,
    stages: Sequence[StageFolder],
    settings: Mapping[str, Any] | None = None,
    masks: Mapping[str, int | None] | None = None,
    controls: Mapping[str, Sequence[StageFolder]] | None = None,
    groups: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Everything the report says about a row of segmentation.

    Args:
        name: of the row's folder.
        stages: its seeds, of which any may lack its log of rounds and its scores.
        settings: the row of the experiment, with "network", "method" and "profile".
        masks: labelled images of each split of the datalist.
        controls: name of ``comparisons.CONTROLS`` or ``HEADROOM`` -> the seeds of the row that is this control; name of
            another row that it is compared with -> that row's.
        groups: test case -> patient.

    Returns:
        ``{"row", "network", "method", "profile", "labels", "case", "seeds", "masks", "steps", "pool_fraction",
        "synthetic_fraction", "pool_labels", "n", "n_groups", "n_empty", "test", "control_rows", "references",
        "together" (whether several networks were trained together), "baseline", "chosen", "control", "interval",
        "comparisons", "better", "validation", "choices", "seconds", "config_sha256"}``. Scores are fractions in [0,
        1], distances in the unit of their name, each a ``statistic`` over seeds. A row is judged by its mean Dice over
        cases: ``comparisons`` are those of ``compare``, ``better`` the one of them that a gain is claimed against,
        ``control`` its scores, and ``unfinished`` names controls that lack a seed which the row has.
    """
    seeds = [stage.seed for stage in stages]
    rounds = {stage.seed: read_json(stage.rounds) or {} for stage in stages}
    metrics = {stage.seed: read_json(stage.metrics) or {} for stage in stages}
    evaluated = [content for content in metrics.values() if content]
    labels: list[str] = next((content["labels"] for content in evaluated if content.get("labels")), [])
    tables = _tables(stages)
    chosen = {seed: content.get("chosen") for seed, content in metrics.items()}
    ours = answers_of(tables, chosen)
    control_rows = [
        _control_row(key, of_seeds, masks or {})
        for key, of_seeds in (controls or {}).items()
        if of_seeds and key in CONTROLS | HEADROOM  # other rows have tables of their own
    ]
    others = _own_answers(tables, metrics) | {
        key: answers_of(_tables(of_seeds), {s.seed: (read_json(s.metrics) or {}).get("chosen") for s in of_seeds})
        for key, of_seeds in (controls or {}).items()
    }
    comparisons = compare(ours, others, groups or {})
    better = better_control(comparisons)
    return {
        "row": name,
        **{key: (settings or {}).get(key) for key in ("network", "method", "profile")},
        "labels": labels,
        "case": common(content.get("case") for content in evaluated) or "picture",
        "seeds": seeds,
        "masks": _masks(rounds, evaluated, masks or {}),
        "steps": common(content.get("steps") for content in (*rounds.values(), *map(_training, stages))),
        **{key: common(content.get(key) for content in rounds.values()) for key in SHARES},
        "pool_labels": common(content.get("labels") for content in rounds.values()),
        "n": common(content.get("n") for content in evaluated),
        "n_groups": common(content.get("n_groups") for content in evaluated),
        "n_empty": common(content.get("n_empty") for content in evaluated),
        "test": _test_entries(evaluated),
        "control_rows": control_rows,
        "references": _reference_entries(evaluated),
        "together": any("ensemble" in content.get("checkpoints", {}) for content in evaluated),
        "baseline": _baseline(control_rows, evaluated),
        "chosen": _scores([content.get("checkpoints", {}).get(content.get("chosen")) for content in evaluated]),
        "control": _control_scores(better, control_rows, evaluated),
        "interval": mean_interval(ours, groups or {}),
        "comparisons": comparisons,
        "better": better,
        "unfinished": [CONTROLS[k] for k in controls or () if k in CONTROLS and set(ours) - set(others[k])],
        "validation": _validation_entries([content for content in rounds.values() if content]),
        "choices": [_choice(seed, rounds[seed], metrics[seed]) for seed in seeds],
        "seconds": statistic(content.get("seconds") for content in evaluated),
        "config_sha256": sorted({c["config_sha256"] for c in (*rounds.values(), *evaluated) if c.get("config_sha256")}),
    }


def mean_dice(scores: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The Dice by which a row is judged, the mean over cases, of one of its entries: a ``statistic``, or None."""
    return scores["per_case"]["dice_mean"] if scores else None


def checkpoint_name(key: str | None) -> str:
    """What a reader calls a checkpoint key, e.g. ``pseudo_label/round_02`` -> ``Pseudo-labels, round 2``."""
    arm, _, tail = (key or "").partition("/round_")
    if not tail.isdigit():
        return NETWORK_NAMES.get(key or "", key or "none")
    if int(tail) == 0:
        return "Baseline (round 0)" if arm == "pseudo_label" else f"{ARM_NAMES.get(arm, arm)}, round 0"
    return f"{ARM_NAMES.get(arm, arm)}, round {int(tail)}"


def _masks(
    rounds: Mapping[int, Mapping[str, Any]], evaluated: Sequence[Mapping[str, Any]], masks: Mapping[str, int | None]
) -> dict[str, int | None]:
    """How many masks the row used: to learn from, to choose by, to test with, and in all."""
    # Whole patients are drawn, so that seeds may differ by a few images: the most that one had.
    given = [n for c in rounds.values() if (n := c.get("num_labeled"))]
    given = given or [n for c in evaluated if (n := c.get("n_training_masks"))]
    training = max(given, default=masks.get("training"))
    used = {"training": training, "validation": masks.get("validation"), "test": masks.get("test")}
    return {**used, "all": sum(n for n in used.values() if n is not None) if training is not None else None}


def _scores(entries: Sequence[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    present = [entry for entry in entries if entry]
    if not present:
        return None
    found: dict[str, Any] = {
        group: {name: statistic(entry.get(group, {}).get(name) for entry in present) for name in names}
        for group, names in SCORES.items()
    }
    classes = [entry.get("classes") or {} for entry in present]
    names = [name for name in classes[0] if all(name in by_name for by_name in classes)]
    return {**found, "classes": {name: _scores([by_name[name] for by_name in classes]) for name in names}}


def _test_entries(evaluated: list[dict[str, Any]]) -> list[dict[str, Any]]:
    keys = {key for content in evaluated for key in content.get("checkpoints", {})}
    order = {name: place for place, name in enumerate((*ARM_NAMES, *NETWORK_NAMES))}
    return [
        {
            "checkpoint": key,
            "name": checkpoint_name(key),
            "seeds": sum(key in content.get("checkpoints", {}) for content in evaluated),
            "chosen_in": sum(content.get("chosen") == key for content in evaluated),
            "control_in": sum(content.get("control") == key for content in evaluated),
            **(_scores([content.get("checkpoints", {}).get(key) for content in evaluated]) or {}),
        }
        for key in sorted(keys, key=lambda key: (order.get(key.split("/")[0], len(order)), key))
    ]


def _reference_entries(evaluated: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answers = [
        {OLDER_NAMES.get(key, key): scores for key, scores in content.get("references", {}).items()}
        for content in evaluated
    ]
    return [
        {"reference": key, "name": name, **(_scores([content.get(key) for content in answers]) or {})}
        for key, name in FLOORS.items()
        if any(key in content for content in answers)
    ]


def _tables(stages: Sequence[StageFolder]) -> dict[int, CaseCounts]:
    found = ((stage.seed, read_case_counts(stage.per_case)) for stage in stages)
    return {seed: table for seed, table in found if table}


def _own_answers(tables: Mapping[int, CaseCounts], metrics: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """What a row's own evaluation holds to compare with: round 0, the real-only arm, answers without a network."""
    of_rounds = {seed: BASELINE if content.get("chosen") != "model" else None for seed, content in metrics.items()}
    found = {
        "equal_steps": answers_of(tables, of_rounds),
        "real_only": answers_of(tables, {seed: content.get("control") for seed, content in metrics.items()}),
    }
    for key, name in {**{name: name for name in FLOORS}, **OLDER_NAMES}.items():
        if answers := answers_of(tables, dict.fromkeys(tables, key)):
            found[name] = answers
    return found


def _training(stage: StageFolder) -> dict[str, Any]:
    """What ``PublishModel`` wrote at the end of a training without rounds."""
    return {} if stage.rounds.is_file() else read_json(stage.state / "train" / "training.json") or {}


def _control_row(key: str, stages: Sequence[StageFolder], masks: Mapping[str, int | None]) -> dict[str, Any]:
    metrics = [content for stage in stages if (content := read_json(stage.metrics))]
    return {
        "control": key,
        "name": {**CONTROLS, **HEADROOM}.get(key, key),
        "row": stages[0].path.parent.name,
        "seeds": [stage.seed for stage in stages],
        "evaluated": len(metrics),
        "masks": _masks({}, metrics, masks),
        "config_sha256": sorted({content["config_sha256"] for content in metrics if content.get("config_sha256")}),
        **(_scores([content.get("checkpoints", {}).get(content.get("chosen")) for content in metrics]) or {}),
    }


def _baseline(control_rows: Sequence[dict[str, Any]], evaluated: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Scores of the labelled images alone with equal steps: round 0 of the row, or a row of its own."""
    own = _scores([content.get("checkpoints", {}).get(BASELINE) for content in evaluated])
    return own or next((row for row in control_rows if row["control"] == "equal_steps" and row["evaluated"]), None)


def _control_scores(
    better: Mapping[str, Any] | None, control_rows: Sequence[dict[str, Any]], evaluated: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Scores of the better control, which is another row or a checkpoint of this one."""
    key = better["control"] if better else "real_only"
    if row := next((row for row in control_rows if row["control"] == key), None):
        return row
    own = "real_only" if key == "real_only" else None
    return _scores([c.get("checkpoints", {}).get(c.get("control") if own else BASELINE) for c in evaluated])


def _validation_entries(rounds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    arms = sorted({arm for content in rounds for arm in content.get("arms", {})})
    entries = []
    for arm in arms:
        by_round: dict[int, list[dict[str, Any]]] = {}
        for content in rounds:
            for record in content["arms"].get(arm, []):
                if arm == "real_only" and record["round"] == 0:
                    continue  # the same model as round 0 of the pseudo-labels
                by_round.setdefault(record["round"], []).append(record)
        for index, records in sorted(by_round.items()):
            pools = [record.get("pool") or {} for record in records]
            entries.append(
                {
                    "arm": arm,
                    "round": index,
                    "name": checkpoint_name(f"{arm}/round_{index:02d}"),
                    **{name: statistic(record.get(name) for record in records) for name in _VALIDATION},
                    "val_iou": statistic(map(_pooled_iou, records)),
                    "pool": {kind: common(pool.get(kind) for pool in pools) for kind in ("synthetic", "real")},
                    "used_for_labels": sum(bool(record.get("used_for_labels")) for record in records),
                    "seeds": len(records),
                }
            )
    return entries


def _pooled_iou(record: Mapping[str, Any]) -> float | None:
    """IoU of a pooled Dice of one foreground class, which follows from it."""
    dice = record.get("val_dice")
    return None if dice is None else dice / (2 - dice)


def _choice(seed: int, rounds: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    def key(choice: dict[str, Any] | None) -> str | None:
        return f"{choice['arm']}/round_{choice['round']:02d}" if choice else None

    choice, control = rounds.get("choice"), rounds.get("control_choice")
    return {
        "seed": seed,
        "chosen": metrics.get("chosen") or key(choice),
        "chosen_sha256": (choice or {}).get("sha256"),
        "chosen_val_dice": (choice or {}).get("val_dice"),
        "control": metrics.get("control") or key(control),
        "control_sha256": (control or {}).get("sha256"),
        "control_val_dice": (control or {}).get("val_dice"),
    }

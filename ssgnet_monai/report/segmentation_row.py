"""One row of the experiment (a network and a number of labelled images) over its seeds, as one dict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ssgnet_monai.pipeline.layout import StageFolder
from ssgnet_monai.report.over_seeds import common, statistic
from ssgnet_monai.report.run_files import read_json

POOLED = ("dice", "iou", "accuracy", "sensitivity", "specificity")
MACRO = ("dice", "iou")
PER_CASE = ("dice_mean", "dice_sd", "iou_mean", "iou_sd")
ARM_NAMES = {"pseudo_label": "Pseudo-labels", "real_only": "Real only (control)"}
REFERENCE_NAMES = {"otsu": "Otsu’s threshold", "all_foreground": "Every pixel foreground"}
_VALIDATION = ("val_dice", "val_miou", "label_change", "mean_confidence", "foreground", "seconds")


def segmentation_row(
    name: str, stages: Sequence[StageFolder], training_labelled: int | None = None, validation: int | None = None
) -> dict[str, Any]:
    """Everything the report says about a row of segmentation.

    Args:
        name: of the row's folder.
        stages: its seeds, of which any may lack its log of rounds and its scores.
        training_labelled: labelled training images of the datalist, used where the row does not limit them.
        validation: labelled validation images of the datalist.

    Returns:
        ``{"row", "seeds", "labelled", "validation_labelled", "steps", "n", "n_empty", "test", "references",
        "baseline", "chosen", "control", "difference", "validation", "choices", "seconds", "config_sha256"}``. Scores
        are fractions in [0, 1], each a ``statistic`` over seeds.
    """
    seeds = [stage.seed for stage in stages]
    rounds = {stage.seed: read_json(stage.rounds) or {} for stage in stages}
    metrics = {stage.seed: read_json(stage.metrics) or {} for stage in stages}
    evaluated = [content for content in metrics.values() if content]
    return {
        "row": name,
        "seeds": seeds,
        # Whole patients are drawn, so that seeds may differ by a few images: the most that one had.
        "labelled": max((c["num_labeled"] for c in rounds.values() if c.get("num_labeled")), default=training_labelled),
        "validation_labelled": validation,
        "steps": common(content.get("steps") for content in rounds.values()),
        "n": common(content.get("n") for content in evaluated),
        "n_empty": common(content.get("n_empty") for content in evaluated),
        "test": _test_entries(evaluated),
        "references": _reference_entries(evaluated),
        "baseline": _scores([content.get("checkpoints", {}).get("pseudo_label/round_00") for content in evaluated]),
        "chosen": _scores([content.get("checkpoints", {}).get(content.get("chosen")) for content in evaluated]),
        "control": _scores([content.get("checkpoints", {}).get(content.get("control")) for content in evaluated]),
        "difference": _difference(metrics),
        "validation": _validation_entries([content for content in rounds.values() if content]),
        "choices": [_choice(seed, rounds[seed], metrics[seed]) for seed in seeds],
        "seconds": statistic(content.get("seconds") for content in evaluated),
        "config_sha256": sorted({c["config_sha256"] for c in (*rounds.values(), *evaluated) if c.get("config_sha256")}),
    }


def checkpoint_name(key: str | None) -> str:
    """What a reader calls a checkpoint key, e.g. ``pseudo_label/round_02`` -> ``Pseudo-labels, round 2``."""
    arm, _, tail = (key or "").partition("/round_")
    if not tail.isdigit():
        return "Trained model, no rounds" if key == "model" else key or "none"
    if int(tail) == 0:
        return "Baseline (round 0)" if arm == "pseudo_label" else f"{ARM_NAMES.get(arm, arm)}, round 0"
    return f"{ARM_NAMES.get(arm, arm)}, round {int(tail)}"


def _scores(entries: list[dict[str, Any] | None]) -> dict[str, Any] | None:
    present = [entry for entry in entries if entry]
    if not present:
        return None
    groups = (("pooled", POOLED), ("macro", MACRO), ("per_case", PER_CASE))
    return {
        group: {name: statistic(entry.get(group, {}).get(name) for entry in present) for name in names}
        for group, names in groups
    }


def _test_entries(evaluated: list[dict[str, Any]]) -> list[dict[str, Any]]:
    keys = {key for content in evaluated for key in content.get("checkpoints", {})}
    order = {"pseudo_label": 0, "real_only": 1}
    return [
        {
            "checkpoint": key,
            "name": checkpoint_name(key),
            "seeds": sum(key in content.get("checkpoints", {}) for content in evaluated),
            "chosen_in": sum(content.get("chosen") == key for content in evaluated),
            "control_in": sum(content.get("control") == key for content in evaluated),
            **(_scores([content.get("checkpoints", {}).get(key) for content in evaluated]) or {}),
        }
        for key in sorted(keys, key=lambda key: (order.get(key.split("/")[0], 2), key))
    ]


def _reference_entries(evaluated: list[dict[str, Any]]) -> list[dict[str, Any]]:
    keys = sorted({key for content in evaluated for key in content.get("references", {})}, reverse=True)
    return [
        {
            "reference": key,
            "name": REFERENCE_NAMES.get(key, key),
            **(_scores([content.get("references", {}).get(key) for content in evaluated]) or {}),
        }
        for key in keys
    ]


def _difference(metrics: dict[int, dict[str, Any]]) -> dict[str, Any] | None:
    by_seed = [
        {"seed": seed, "difference": found["difference"], "ci95": found.get("ci95")}
        for seed, content in metrics.items()
        if (found := content.get("paired_bootstrap")) and found.get("difference") is not None
    ]
    if not by_seed:
        return None
    return {"by_seed": by_seed, **(statistic(entry["difference"] for entry in by_seed) or {})}


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
                    "pool": {kind: common(pool.get(kind) for pool in pools) for kind in ("synthetic", "real")},
                    "used_for_labels": sum(bool(record.get("used_for_labels")) for record in records),
                    "seeds": len(records),
                }
            )
    return entries


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

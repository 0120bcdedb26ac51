"""One row of the experiment (a network and a number of labelled images) over its seeds, as one dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ssgnet_monai.pipeline.layout import StageFolder
from ssgnet_monai.report.over_seeds import common, seed_interval, statistic
from ssgnet_monai.report.run_files import read_json

UNITS, MEASURES = ("mm", "voxels"), ("hd95", "assd")
SCORES = {
    "pooled": ("dice", "iou", "accuracy", "sensitivity", "specificity"),
    "macro": ("dice", "iou"),
    "per_case": ("dice_mean", "dice_sd", "iou_mean", "iou_sd", "n_absent"),
    "distances": (*(f"{m}_{unit}_{of}" for unit in UNITS for m in MEASURES for of in ("mean", "sd")), "n_undefined"),
}
ARM_NAMES = {"pseudo_label": "Pseudo-labels", "real_only": "Real only (control)"}
REFERENCE_NAMES = {
    "otsu": "Otsu’s threshold",
    "all_foreground": "Every pixel foreground",
    "majority_mask": "Mask of most training images",
}
_VALIDATION = ("val_dice", "label_change", "mean_confidence", "foreground", "seconds")


def segmentation_row(
    name: str,
    stages: Sequence[StageFolder],
    settings: Mapping[str, Any] | None = None,
    masks: Mapping[str, int | None] | None = None,
) -> dict[str, Any]:
    """Everything the report says about a row of segmentation.

    Args:
        name: of the row's folder.
        stages: its seeds, of which any may lack its log of rounds and its scores.
        settings: the row of the experiment, with "network", "method" and "profile".
        masks: labelled images of each split of the datalist.

    Returns:
        ``{"row", "network", "method", "profile", "labels", "headline", "case", "seeds", "masks", "steps", "n",
        "n_groups", "n_empty", "test", "references", "baseline", "chosen", "control", "difference", "validation",
        "choices", "seconds", "config_sha256"}``. Scores are fractions in [0, 1], distances in the unit of their name,
        each a ``statistic`` over seeds. ``headline`` says which Dice the row is judged by: "pooled" for pictures of two
        classes; "per_case" for volumes and for more classes.
    """
    seeds = [stage.seed for stage in stages]
    rounds = {stage.seed: read_json(stage.rounds) or {} for stage in stages}
    metrics = {stage.seed: read_json(stage.metrics) or {} for stage in stages}
    evaluated = [content for content in metrics.values() if content]
    labels: list[str] = next((content["labels"] for content in evaluated if content.get("labels")), [])
    case = common(content.get("case") for content in evaluated) or "picture"
    headline = "per_case" if len(labels) > 2 or case == "volume" else "pooled"
    return {
        "row": name,
        **{key: (settings or {}).get(key) for key in ("network", "method", "profile")},
        "labels": labels,
        "headline": headline,
        "case": case,
        "seeds": seeds,
        "masks": _masks(rounds, evaluated, masks or {}),
        "steps": common(content.get("steps") for content in rounds.values()),
        "n": common(content.get("n") for content in evaluated),
        "n_groups": common(content.get("n_groups") for content in evaluated),
        "n_empty": common(content.get("n_empty") for content in evaluated),
        "test": _test_entries(evaluated),
        "references": _reference_entries(evaluated),
        "baseline": _scores([content.get("checkpoints", {}).get("pseudo_label/round_00") for content in evaluated]),
        "chosen": _scores([content.get("checkpoints", {}).get(content.get("chosen")) for content in evaluated]),
        "control": _scores([content.get("checkpoints", {}).get(content.get("control")) for content in evaluated]),
        "difference": _difference(metrics, headline),
        "validation": _validation_entries([content for content in rounds.values() if content]),
        "choices": [_choice(seed, rounds[seed], metrics[seed]) for seed in seeds],
        "seconds": statistic(content.get("seconds") for content in evaluated),
        "config_sha256": sorted({c["config_sha256"] for c in (*rounds.values(), *evaluated) if c.get("config_sha256")}),
    }


def headline_dice(row: Mapping[str, Any], scores: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The Dice by which a row is judged, of one of its entries: a ``statistic``, or None."""
    name = "dice_mean" if row["headline"] == "per_case" else "dice"
    return scores[row["headline"]][name] if scores else None


def checkpoint_name(key: str | None) -> str:
    """What a reader calls a checkpoint key, e.g. ``pseudo_label/round_02`` -> ``Pseudo-labels, round 2``."""
    arm, _, tail = (key or "").partition("/round_")
    if not tail.isdigit():
        return "Trained model, no rounds" if key == "model" else key or "none"
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


def _difference(metrics: dict[int, dict[str, Any]], headline: str) -> dict[str, Any] | None:
    found = {seed: content.get("paired_bootstrap") or {} for seed, content in metrics.items()}
    if headline == "per_case":
        found = {seed: compared.get("per_case") or {} for seed, compared in found.items()}
    by_seed = [
        {"seed": seed, "difference": compared["difference"], "ci95": compared.get("ci95")}
        for seed, compared in found.items()
        if compared.get("difference") is not None
    ]
    if not by_seed:
        return None
    values = [entry["difference"] for entry in by_seed]
    interval = seed_interval(values, [entry["ci95"] for entry in by_seed])
    return {"by_seed": by_seed, **(statistic(values) or {}), "interval": interval}


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

"""One row of a classification experiment (a network) over its settings and seeds, as one dict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ssgnet_monai.pipeline.layout import StageFolder
from ssgnet_monai.report.class_answers import compare_answers, intervals_of, read_class_answers
from ssgnet_monai.report.over_seeds import common, statistic
from ssgnet_monai.report.run_files import read_json

MEASURES = ("accuracy", "macro_f1", "roc_auc")
PER_CLASS = ("precision", "recall", "f1")
ORIGINAL = "original"
_FIRST = (ORIGINAL, "balanced", "extra_20", "extra_50")


def setting_name(key: str) -> str:
    """What a reader calls a setting, e.g. ``extra_20`` -> ``+20%``."""
    if found := re.fullmatch(r"extra_(\d+)", key):
        return f"+{found[1]}%"
    return key.replace("_", " ").capitalize() if key in _FIRST else key


def classification_row(
    name: str, settings: Mapping[str, Sequence[StageFolder]], groups: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Everything the report says about a row of classification.

    Args:
        name: of the row's folder.
        settings: setting -> its seeds, of which any may lack its scores.
        groups: test image -> patient.

    Returns:
        ``{"row", "classes", "n", "seeds", "unfinished", "steps", "settings", "majority_class", "seconds",
        "config_sha256"}``; ``seeds`` are the evaluated ones, ``unfinished`` counts the trainings without a result.
        ``settings`` is ordered (original, balanced, more) and each score in it a ``statistic`` over seeds with
        ``interval``, 95 % over seeds and patients as ``paired_bootstrap`` has it; ``difference`` is the setting minus
        original, by seed and together, with what the test can resolve as ``detectable``.
        Scores are fractions in [0, 1].
    """
    keys = sorted(settings, key=lambda key: (_FIRST.index(key) if key in _FIRST else len(_FIRST), key))
    metrics = {key: {stage.seed: read_json(stage.metrics) or {} for stage in settings[key]} for key in keys}
    evaluated = [content for by_seed in metrics.values() for content in by_seed.values() if content]
    answers = {key: read_class_answers(settings[key], groups or {}) for key in keys}
    entries = []
    for key, by_seed in metrics.items():
        own, compared = intervals_of(answers[key]), compare_answers(answers[key], answers.get(ORIGINAL))
        entries.append(_setting(key, {s: c for s, c in by_seed.items() if c}, own, compared))
    majority = [(content.get("references") or {}).get("majority_class") or {} for content in evaluated]
    return {
        "row": name,
        "classes": evaluated[0]["classes"] if evaluated else [],
        "n": common(content.get("n") for content in evaluated),
        "seeds": sorted({seed for by_seed in metrics.values() for seed, content in by_seed.items() if content}),
        "unfinished": sum(not content for by_seed in metrics.values() for content in by_seed.values()),
        "steps": common(content.get("steps") for content in evaluated),
        "settings": entries,
        "majority_class": {name: common(entry.get(name) for entry in majority) for name in MEASURES[:2]},
        "seconds": statistic(content.get("seconds") for content in evaluated),
        "config_sha256": sorted({content["config_sha256"] for content in evaluated if content.get("config_sha256")}),
    }


def _setting(
    key: str, by_seed: dict[int, dict[str, Any]], own: Mapping[str, Any], compared: Mapping[str, Any]
) -> dict[str, Any]:
    evaluated = list(by_seed.values())
    classes = evaluated[0]["classes"] if evaluated else []
    confusion = [content["confusion"] for content in evaluated if content.get("confusion")]
    counts = [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*confusion, strict=True)]
    return {
        "setting": key,
        "name": setting_name(key),
        "seeds": list(by_seed),
        "train_counts": {origin: _train_counts(evaluated, origin, classes) for origin in ("real", "synthetic")},
        "best_step": statistic(content.get("best_step") for content in evaluated),
        **{name: _score(evaluated, name, own) for name in MEASURES},
        "difference": _difference(by_seed, compared),
        "per_class": {
            name: {
                **{m: statistic(c["per_class"][name].get(m) for c in evaluated) for m in PER_CLASS},
                "support": common(c["per_class"][name].get("support") for c in evaluated),
            }
            for name in classes
        },
        "confusion": counts,
        "confusion_share": [[count / max(sum(row), 1) for count in row] for row in counts],
        "calibration": _calibration([content["calibration"] for content in evaluated if content.get("calibration")]),
    }


def _train_counts(evaluated: list[dict[str, Any]], origin: str, classes: list[str]) -> dict[str, Any]:
    counts = [(content.get("train_counts") or {}).get(origin) or {} for content in evaluated]
    by_class = {name: common(entry.get(name, 0) for entry in counts) for name in classes}
    return {"by_class": by_class, "all": common(sum(entry.values()) for entry in counts)}


def _score(evaluated: list[dict[str, Any]], name: str, own: Mapping[str, Any]) -> dict[str, Any] | None:
    found = statistic(content.get(name) for content in evaluated)
    return found and {**found, "interval": own[name]["ci95"] if name in own else None}


def _difference(by_seed: dict[int, dict[str, Any]], compared: Mapping[str, Any]) -> dict[str, Any] | None:
    found = {seed: content["paired_bootstrap"] for seed, content in by_seed.items() if content.get("paired_bootstrap")}
    if not found:
        return None
    together = {}
    for name in MEASURES:
        stat = statistic((boot.get(name) or {}).get("difference") for boot in found.values())
        over = compared.get(name) or {}
        together[name] = stat and {**stat, "interval": over.get("ci95"), "detectable": over.get("detectable")}
    return {"by_seed": [{"seed": seed, **boot} for seed, boot in found.items()], **together}


def _calibration(seeds: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """Bins of all seeds together, each image once a seed, and the expected calibration error of each seed."""
    seeds = list(seeds)
    if not seeds:
        return None
    bins: dict[tuple[float, float], dict[str, float]] = {}
    for entry in (entry for content in seeds for entry in content.get("bins") or [] if entry.get("n")):
        total = bins.setdefault((entry["low"], entry["high"]), {"n": 0, "confidence": 0.0, "accuracy": 0.0})
        total["n"] += entry["n"]
        for name in ("confidence", "accuracy"):
            total[name] += entry["n"] * entry[name]
    return {
        "ece": statistic(content.get("ece") for content in seeds),
        "bins": [
            {"low": low, "high": high, "n": t["n"], **{m: t[m] / t["n"] for m in ("confidence", "accuracy")}}
            for (low, high), t in sorted(bins.items())
        ],
    }

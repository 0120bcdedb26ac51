"""Experiment files: what is run for a report, with defaults, overrides and one budget key."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
DATASETS = REPOSITORY / "configs" / "datasets"
DEFAULTS: dict[str, Any] = {
    "name": None,
    "dataset": "folder",
    "dataset_dir": None,
    "output_dir": None,
    "image_size": 256,
    "num_images": None,
    "budget": 1.0,
    "seeds": [0],
    "prepare": {},
    "synthesis": None,
    "segmentation": {},
}
SYNTHESIS_DEFAULTS: dict[str, Any] = {"classes": "each", "images": 1000, "class_mix": "prior", "config": {}}
ROW_DEFAULTS: dict[str, Any] = {"num_labeled": None, "config": {}}


def load_experiment(path: str | Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Read an experiment file and apply ``key=value`` overrides and the budget.

    Args:
        path: YAML file, see ``configs/experiments``.
        overrides: like ``synthesis.config.kimg=2``; values are YAML.

    Returns:
        The resolved experiment. ``budget`` has been applied: it multiplies kimg, steps and numbers of generated
        images, at least one step of each.

    Raises:
        ValueError: an unknown key (the nearest known one is named) or a value of the wrong kind.
    """
    path = Path(path)
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"Expected a mapping of settings in {path}, got {type(content).__name__}.")
    for override in overrides:
        key, _, value = override.partition("=")
        _set(content, key, yaml.safe_load(value))
    experiment = _with_defaults(content, DEFAULTS, str(path))
    experiment["name"] = experiment["name"] or path.stem
    experiment["output_dir"] = str(experiment["output_dir"] or f"runs/{experiment['name']}")
    if experiment["synthesis"] is not None:
        experiment["synthesis"] = _with_defaults(experiment["synthesis"], SYNTHESIS_DEFAULTS, "synthesis")
        if experiment["synthesis"]["classes"] not in ("each", "all"):
            raise ValueError(
                f"Expected synthesis.classes 'each' or 'all', got {experiment['synthesis']['classes']!r}."
            )
    experiment["segmentation"] = {
        name: _with_defaults(row, ROW_DEFAULTS, f"segmentation.{name}")
        for name, row in experiment["segmentation"].items()
    }
    if not experiment["seeds"] or not all(isinstance(seed, int) for seed in experiment["seeds"]):
        raise ValueError(f"Expected seeds to be a list of whole numbers, got {experiment['seeds']!r}.")
    _apply_budget(experiment)
    return experiment


def load_dataset_config(name: str) -> tuple[Path, dict[str, Any]]:
    """Path and content of a dataset file of ``configs/datasets``.

    Raises:
        ValueError: there is no such dataset.
    """
    path = DATASETS / f"{name}.yaml"
    if not path.is_file():
        known = sorted(p.stem for p in DATASETS.glob("*.yaml"))
        raise ValueError(f"Expected dataset to be one of {known}, got {name!r}. Use 'folder' for your own images.")
    return path, yaml.safe_load(path.read_text(encoding="utf-8"))


def _set(content: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        content = content.setdefault(parent, {})
        if not isinstance(content, dict):
            raise ValueError(f"Expected {parent!r} in {dotted!r} to be a group of settings, it holds {content!r}.")
    content[last] = value


def _with_defaults(content: Mapping[str, Any], defaults: Mapping[str, Any], where: str) -> dict[str, Any]:
    for key in content:
        if key not in defaults:
            near = difflib.get_close_matches(key, list(defaults), 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"Expected keys {sorted(defaults)} in {where}, got {key!r}.{hint}")
    return {**copy.deepcopy(dict(defaults)), **copy.deepcopy(dict(content))}


def _apply_budget(experiment: dict[str, Any]) -> None:
    budget = experiment["budget"]
    if not isinstance(budget, int | float) or not 0 < budget <= 1:
        raise ValueError(f"Expected budget in (0, 1], got {budget!r}.")
    if budget == 1:
        return
    if experiment["synthesis"] is not None:
        synthesis = experiment["synthesis"]
        synthesis["images"] = max(8, round(synthesis["images"] * budget))
        if "kimg" in synthesis["config"]:
            kimg = max(0.032, synthesis["config"]["kimg"] * budget)
            synthesis["config"].update(kimg=kimg, tick_kimg=min(kimg, synthesis["config"].get("tick_kimg", 1.0)))
    for row in experiment["segmentation"].values():
        if "steps" in row["config"]:
            row["config"]["steps"] = max(2, round(row["config"]["steps"] * budget))
            if "epoch_length" in row["config"]:
                row["config"]["epoch_length"] = min(row["config"]["epoch_length"], row["config"]["steps"])

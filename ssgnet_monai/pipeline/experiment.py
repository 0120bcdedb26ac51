"""Experiment files: what is run for a report, with defaults, overrides and one budget key."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ssgnet_monai.data.key_values import KEY, read_yaml
from ssgnet_monai.data.labeled_items import read_names
from ssgnet_monai.data.names import is_fit_name, look_alikes
from ssgnet_monai.data.text_file import read_text
from ssgnet_monai.pipeline.config_files import mapping, read_config, wants_text
from ssgnet_monai.pipeline.controls import with_controls
from ssgnet_monai.pipeline.generator_images import labeled_settings
from ssgnet_monai.pipeline.growth import SETTINGS, all_settings, used_settings
from ssgnet_monai.pipeline.known_names import check_names, prepare_options, text_options
from ssgnet_monai.pipeline.methods import METHODS
from ssgnet_monai.pipeline.settings import VOLUMES, prepare_settings, settings_of
from ssgnet_monai.pipeline.settings_check import checked_row

DEFAULTS: dict[str, Any] = {
    "name": None,
    "dataset": "folder",
    "dataset_dir": None,
    "output_dir": None,
    "image_size": 256,
    "budget": 1.0,
    "seeds": [0],
    "prepare": {},
    "controls": ["equal_total_steps"],
    "synthesis": None,
    "segmentation": {},
    "classification": {},
    "growth": {},
}
SYNTHESIS_DEFAULTS: dict[str, Any] = {
    "profile": None,
    "classes": "each",
    "images": 1000,
    "class_mix": "prior",
    "config": {},
}
ROWS: dict[str, dict[str, Any]] = {
    "segmentation": {
        "network": None,
        "method": "rounds",
        "profile": None,
        "num_labeled": None,
        "labeled_list": None,
        "controls": None,
        "config": {},
    },
    "classification": {"profile": None, "settings": list(SETTINGS), "config": {}},
}
"""Groups of rows of a table, and what a row holds by default; network null is the bundle's own, controls null those of
the experiment."""
NAMES = {"profile", "network", "method", "labeled_list", "controls", "classes", "class_mix", "settings"}
TEXT_SETTINGS = {
    "bundle_root",
    "ckpt_dir",
    "class_name",
    "dataset_dir",
    "features_dir",
    "labeled_list",
    "output_dir",
    "transfer",
}
EQUAL = {"dataset_dir", "early_stop", "reference", "seed"}
"""Settings of classifiers that the experiment gives: what is compared must differ in its images alone."""


def load_experiment(path: str | Path, overrides: Iterable[str] = (), trust_code: bool = False) -> dict[str, Any]:
    """Read an experiment file and apply ``key=value`` overrides and the budget.

    Args:
        path: YAML file, see ``configs/experiments``.
        overrides: like ``synthesis.config.kimg=2``; values are YAML, but paths and names stay as typed.
        trust_code: whether settings may name code that `ssgnet verify` does not know (a network of your own); it is
            logged.

    Returns:
        The resolved experiment. ``budget`` has been applied to the number of generated images; ``settings_of`` applies
        it to what a training takes.

    Raises:
        ValueError: an unknown key, row, dataset or profile (the nearest known one is named), a value of the wrong
            kind, generators of whole volumes, or code that is not trusted.
    """
    path = Path(path)
    content = read_yaml(read_text(path), str(path), _wants_text)
    if not isinstance(content, dict):
        raise ValueError(f"Expected a mapping of settings in {path}, got {type(content).__name__}.")
    rows = {group: list(content.get(group) or ()) for group in ROWS}
    for override in overrides:
        key, _, value = override.partition("=")
        group, *names = key.split(".")
        if group in ROWS:
            check_names(names[:1], rows[group], f"{group} of {path}")
        _set(content, key, _override(key, value))
    experiment = _with_defaults(content, DEFAULTS, str(path))
    for key in ("dataset_dir", "output_dir", "name", "dataset"):
        if not isinstance(experiment[key], str | None):
            raise ValueError(f"Expected text for {key} in {path}, got {experiment[key]!r}.")
    experiment["dataset_dir"] = experiment["dataset_dir"] or None
    experiment["name"] = experiment["name"] or path.stem
    _check_number(experiment["image_size"], "image_size")
    experiment["output_dir"] = str(experiment["output_dir"] or f"runs/{experiment['name']}")
    if experiment["synthesis"] is not None:
        experiment["synthesis"] = _with_defaults(experiment["synthesis"], SYNTHESIS_DEFAULTS, "synthesis")
        if experiment["synthesis"]["classes"] not in ("each", "all"):
            raise ValueError(f"Expected synthesis.classes 'each' or 'all', got {experiment['synthesis']['classes']!r}.")
        _check_number(experiment["synthesis"]["images"], "synthesis.images")
        _check_row(experiment, "synthesis", None, trust_code)
    if not isinstance(experiment["controls"], list):
        raise ValueError(f"Expected a list of controls in {path}, got {experiment['controls']!r}.")
    for group, defaults in ROWS.items():
        experiment[group] = {
            name: _with_defaults(row, defaults, f"{group}.{name}")
            for name, row in mapping(experiment[group], group).items()
        }
        _check_row_names(experiment[group], group)
        for name in experiment[group]:
            _check_row(experiment, group, name, trust_code)
    _check_row_names(mapping(experiment["growth"], "growth"), "growth")
    _check_growth(experiment)
    _check_images(content, experiment)
    dataset = experiment["dataset"]
    known = prepare_options(dataset)
    given = mapping(experiment["prepare"], "prepare").items()
    experiment["prepare"] = {key: value for key, value in given if value is not None or key in known}
    for options in (read_config("dataset", dataset).get("prepare", {}), experiment["prepare"]):
        check_names(mapping(options, "prepare"), known, f"prepare (dataset {dataset})")
    _check_form(experiment)
    seeds = experiment["seeds"]
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int for seed in seeds):
        raise ValueError(f"Expected seeds to be a list of whole numbers, got {experiment['seeds']!r}.")
    if experiment["synthesis"] is not None:
        experiment["synthesis"]["config"] |= labeled_settings(experiment)
    _apply_budget(experiment)
    return with_controls(experiment)


def _wants_text(keys: tuple[str, ...]) -> bool:
    """Whether a value is a path or a name, so that ``007`` and ``yes`` are text."""
    if keys[-1:] == (KEY,):
        return "config" not in keys
    if len(keys) < 2:
        return keys[:1] in {("name",), ("dataset",), ("dataset_dir",), ("output_dir",)}
    if keys[0] == "prepare":
        return wants_text(keys)
    return keys[-1] in (TEXT_SETTINGS if keys[-2] == "config" else NAMES)


def _override(key: str, value: str) -> Any:
    keys = tuple(key.split("."))
    if not _wants_text(keys) or keys[-1] in ("class_mix", "controls", "settings", "labels", "lists", "unlabeled"):
        return read_yaml(value, key, _wants_text, keys)
    may_be_null = text_options()[keys[1]] if keys[0] == "prepare" else len(keys) > 1
    return None if may_be_null and value == "null" else value


def _check_number(value: Any, where: str) -> None:
    if type(value) is not int or value < 1:
        raise ValueError(f"Expected a whole number of at least 1 for {where}, got {value!r}.")


def _check_row_names(names: Iterable[str], group: str) -> None:
    unfit = [name for name in names if not is_fit_name(str(name))]
    if unfit:
        raise ValueError(
            f"Expected names of letters, digits, space, '.', '+', '-', '_' in {group}, got {unfit[0]!r}. Results lie "
            "in folders of these names."
        )
    if same := look_alikes(map(str, names)):
        raise ValueError(f"Expected names in {group} that differ in more than case, spaces or signs, got {same[0]}.")


def _set(content: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        content = content.setdefault(parent, {})
        if not isinstance(content, dict):
            raise ValueError(f"Expected {parent!r} in {dotted!r} to be a group of settings, it holds {content!r}.")
    content[last] = value


def _check_row(experiment: dict[str, Any], group: str, name: str | None, trusted: bool) -> None:
    row = experiment[group] if name is None else experiment[group][name]
    where = group if name is None else f"{group}.{name}"
    if group == "segmentation":
        check_names([row["method"]], METHODS, f"{where}.method")
        if not isinstance(row["controls"], list | None):
            raise ValueError(f"Expected a list of controls in {where}, got {row['controls']!r}.")
    if row.get("num_labeled") is not None:
        _check_number(row["num_labeled"], f"{where}.num_labeled")
    if row.get("labeled_list") is not None:
        if row["num_labeled"] is not None:
            raise ValueError(f"Expected num_labeled or labeled_list in {where}, got both. Take one of them out.")
        names = row["labeled_list"]
        row["labeled_list"] = read_names(Path(names).expanduser() if isinstance(names, str) else names)
    row["config"] = checked_row(settings_of({**experiment, "budget": 1}, group, name), trusted)


def _check_form(experiment: dict[str, Any]) -> None:
    null = {"synthesis": "null", "classification": "{}"}
    given = [group for group in null if experiment[group]]
    if given and prepare_settings(experiment).get("form") == VOLUMES:
        raise ValueError(
            f"Expected rows of segmentation alone with prepare.form: volumes, got {given[0]} too: generators and "
            f"classifiers are of pictures and slices. Give {given[0]}={null[given[0]]}, or prepare.form=slices."
        )


def _check_growth(experiment: dict[str, Any]) -> None:
    known = all_settings(mapping(experiment["growth"], "growth"))
    for name, row in experiment["classification"].items():
        if not isinstance(row["settings"], list) or not row["settings"]:
            raise ValueError(f"Expected a list of settings in classification.{name}, got {row['settings']!r}.")
        check_names(row["settings"], known, f"classification.{name}.settings")
        if own := sorted(EQUAL & set(row["config"])):
            raise ValueError(
                f"Expected no {', '.join(own)} in classification.{name}.config: every setting trains for the same "
                "steps with the experiment's seeds. Remove it."
            )
        row["settings"] = list(dict.fromkeys(row["settings"]))
    used = used_settings(experiment)
    if used and (experiment["synthesis"] is None or experiment["synthesis"]["classes"] == "all"):
        raise ValueError(
            f"Expected a synthesis group with classes: each (one generator per class) for the settings {used}, got "
            f"{experiment['synthesis']}. Change it, or keep only settings: [original] in the rows of classification."
        )


def _check_images(content: Mapping[str, Any], experiment: dict[str, Any]) -> None:
    for key in sorted({"images", "class_mix"} & set(content.get("synthesis") or {})):
        if used_settings(experiment) and not experiment["segmentation"]:
            raise ValueError(
                f"Expected no synthesis.{key} without rows of segmentation, got {content['synthesis'][key]!r}: the "
                "generators make exactly the images that the settings of the classifiers need. Remove it; `growth` "
                "holds settings of your own."
            )


def _with_defaults(content: Mapping[str, Any], defaults: Mapping[str, Any], where: str) -> dict[str, Any]:
    check_names(mapping(content, where), defaults, where)
    return {**copy.deepcopy(dict(defaults)), **copy.deepcopy(dict(content))}


def _apply_budget(experiment: dict[str, Any]) -> None:
    budget = experiment["budget"]
    if not isinstance(budget, int | float) or not 0 < budget <= 1:
        raise ValueError(f"Expected budget in (0, 1], got {budget!r}.")
    if budget != 1 and experiment["synthesis"] is not None:
        experiment["synthesis"]["images"] = max(8, round(experiment["synthesis"]["images"] * budget))

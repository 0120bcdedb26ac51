"""How an experiment's data are prepared: the words of one ``ssgnet data`` command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ssgnet_monai.data.datasets import adapters
from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.datasets.registry import option_annotation
from ssgnet_monai.data.key_values import is_text
from ssgnet_monai.data.prepare.image_table import table_and_column
from ssgnet_monai.data.prepare.unlabeled_folders import find_unlabeled
from ssgnet_monai.pipeline.settings import prepare_settings
from ssgnet_monai.pipeline.stage import PYTHON

FILES = ("classes", "groups", "labels", "lists", "splits", "unlabeled")
"""Options that name files or folders, as the user sees them from here."""


def prepare_command(experiment: dict[str, Any]) -> list[str]:
    """Command (words) that writes ``data/datalist.json`` of the run.

    Args:
        experiment: the resolved experiment.

    Raises:
        ValueError: no ``dataset_dir``, or it lacks the folder of images, or that of masks where a segmenter is trained.
    """
    words = [*PYTHON, "-m", "ssgnet_monai.cli", "data"]
    options = prepare_settings(experiment)
    if experiment["dataset"] == "phantom":
        return [*words, "phantom", *_flags(options, experiment)]
    if experiment["dataset_dir"] is None:
        raise ValueError(f"Expected dataset_dir=FOLDER (the folder of the images) for dataset {experiment['dataset']}.")
    source = Path(experiment["dataset_dir"])
    source = (source if source.exists() else source.expanduser()).absolute()
    options |= {key: _from_here(options[key]) for key in FILES if options.get(key)}
    if adapter := adapters().get(experiment["dataset"]):
        pairs = [
            f"{key}={value if isinstance(value, str) and _is_typed(adapter, key) else json.dumps(value)}"
            for key, value in options.items()
        ]
        return [*words, "prepare", experiment["dataset"], *pairs, "--source", str(source), *_flags({}, experiment)]
    folders = _folders(source, options, masks_needed=bool(experiment["segmentation"]))
    options |= folders
    if folders["masks"] is not None and options.get("unlabeled") is None:  # named, so that its changes are noticed
        options["unlabeled"] = [str(path.resolve()) for path in find_unlabeled(Path(str(folders["images"])))] or None
    return [*words, "prepare", "--name", experiment["dataset"], *_flags(options, experiment)]


def _from_here(value: Any) -> Any:
    """Files are given from here, but the command runs in the run's folder."""
    if isinstance(value, dict):
        return {key: _from_here(file) for key, file in value.items()}
    if isinstance(value, list):
        return [_from_here(file) for file in value]
    file, column = table_and_column(value)
    file = file.expanduser()
    if not file.exists() and column is None:
        return value
    return str(file.absolute()) + ("" if column is None else f":{column}")


def _is_typed(adapter: Adapter, key: str) -> bool:
    annotation = option_annotation(adapter, key)
    return is_text(annotation) or "Lists" in annotation


def _folders(source: Path, options: dict[str, Any], masks_needed: bool) -> dict[str, str | None]:
    folders: dict[str, str | None] = {}
    for key in ("images", "masks"):
        name = options.get(key, key)
        folders[key] = None if name is None else str((source / name).resolve())
        if name is None or Path(str(folders[key])).is_dir():
            continue
        if key == "images" or masks_needed:
            raise ValueError(
                f"Expected a folder of {key} at {folders[key]}, found none. Give dataset_dir=FOLDER that holds it, "
                f"or prepare.{key}=SUBFOLDER."
            )
        folders[key] = None
    return folders


def _flags(options: dict[str, Any], experiment: dict[str, Any]) -> list[str]:
    words = []
    for key, value in options.items():
        flag = f"--{key.replace('_', '-')}"
        if isinstance(value, list):
            words += [flag, *map(str, value)]
        elif isinstance(value, dict):
            words += [flag, json.dumps(value)]
        elif value is True:
            words.append(flag)
        elif value not in (None, False):
            words += [flag, str(value)]
    return [*words, "--size", str(experiment["image_size"]), "--out", "data"]

"""How an experiment's data are prepared: the words of one ``ssgnet data`` command."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ssgnet_monai.data.datasets import adapters
from ssgnet_monai.pipeline.experiment import read_config


def prepare_command(experiment: dict[str, Any]) -> list[str]:
    """Command (words) that writes ``data/datalist.json`` of the run.

    Args:
        experiment: the resolved experiment.

    Raises:
        ValueError: no ``dataset_dir``, or it lacks the folder of images, or that of masks where a segmenter is trained.
    """
    dataset = read_config("datasets", experiment["dataset"])
    words = [sys.executable, "-m", "ssgnet_monai.cli", "data"]
    options = {**dataset.get("prepare", {}), **experiment["prepare"]}
    if experiment["dataset"] == "phantom":
        return [*words, "phantom", *_flags(options, experiment)]
    if experiment["dataset_dir"] is None:
        raise ValueError(f"Expected dataset_dir=FOLDER (the folder of the images) for dataset {experiment['dataset']}.")
    source = Path(experiment["dataset_dir"]).expanduser().absolute()
    for key in ("classes", "groups"):  # a CSV file given from here; the command runs in the run's folder
        if options.get(key) and Path(options[key]).is_file():
            options[key] = str(Path(options[key]).absolute())
    if experiment["dataset"] in adapters():
        pairs = [f"{key}={json.dumps(value)}" for key, value in options.items()]
        return [*words, "prepare", experiment["dataset"], *pairs, "--source", str(source), *_flags({}, experiment)]
    options |= _folders(source, options, masks_needed=bool(experiment["segmentation"]))
    return [*words, "prepare", "--name", experiment["dataset"], *_flags(options, experiment)]


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
        elif value is True:
            words.append(flag)
        elif value not in (None, False):
            words += [flag, str(value)]
    return [*words, "--size", str(experiment["image_size"]), "--out", "data"]

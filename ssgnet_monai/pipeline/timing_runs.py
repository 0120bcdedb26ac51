"""An experiment made small, and the time and memory of each kind of its stages."""

from __future__ import annotations

import copy
import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.datalist import SPLITS, save_datalist
from ssgnet_monai.pipeline.experiment import SEGMENTATION_BUNDLE, SYNTHESIS_BUNDLE, read_config
from ssgnet_monai.pipeline.growth import ORIGINAL
from ssgnet_monai.pipeline.measure import Cost, measure
from ssgnet_monai.pipeline.run import ENVIRONMENT
from ssgnet_monai.pipeline.stage import Stage, write_configs
from ssgnet_monai.pipeline.stages import build_stages

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Size:
    """Of a timing run: optimiser steps, generated images, test images."""

    steps: int
    images: int
    test: int


SMALL, LARGE = Size(1, 8, 4), Size(33, 40, 36)  # the 32 steps between hold the lazy R1, every 16th, exactly twice
FEW = 4  # images to validate on, and real ones to label, in a timing run


def settings_of(experiment: Mapping[str, Any], stage: Mapping[str, Any], bundle: Path) -> dict[str, Any]:
    """Settings of a generator or a segmentation row as its bundle reads them; expressions stay text.

    Args:
        experiment: the resolved experiment.
        stage: its ``synthesis``, or a row of its ``segmentation`` or ``classification``.
        bundle: folder of the bundle.
    """
    names = ("train", "rounds") if bundle == SEGMENTATION_BUNDLE else ("train",)
    files = [yaml.safe_load((bundle / "configs" / f"{name}.yaml").read_text(encoding="utf-8")) for name in names]
    profile = read_config("profiles", stage["profile"]) if stage["profile"] else {}
    merged = {key: value for file in files for key, value in file.items()}
    return {**merged, **read_config("datasets", experiment["dataset"]), **profile, **stage["config"]}


def shrunk(experiment: Mapping[str, Any], datalist: Mapping[str, Any], size: Size) -> dict[str, Any]:
    """The experiment with few steps and images, one class and one seed; what a step costs stays what it is.

    Args:
        experiment: the resolved experiment.
        datalist: its whole datalist.
        size: what to keep.
    """
    small = copy.deepcopy(dict(experiment))
    small["seeds"] = small["seeds"][:1]
    synthesis = small["synthesis"]
    if synthesis is not None:
        per_class = 1 if synthesis["classes"] == "all" else len(datalist["classes"])
        batch = settings_of(experiment, synthesis, SYNTHESIS_BUNDLE)["batch_size"]
        kimg = size.steps * batch / 1000
        synthesis |= {"images": size.images * per_class, "class_mix": "equal"}
        synthesis["config"] |= {"kimg": kimg, "tick_kimg": kimg}
    for row in small["segmentation"].values():
        rounds = min(1, settings_of(experiment, row, SEGMENTATION_BUNDLE)["num_rounds"])
        row["config"] |= {"steps": size.steps, "epoch_length": size.steps, "num_rounds": rounds}
        if row["num_labeled"] is not None:
            row["num_labeled"] = max(row["num_labeled"], len(datalist["training"]) - FEW)
    for row in small["classification"].values():
        row["config"] |= {"steps": size.steps, "epoch_length": size.steps}
        row["settings"] = [ORIGINAL]
    return small


def kind_of(stage: Stage) -> str:
    """Stages of one kind differ in their class, seed or setting alone, and cost the same: one of them is timed."""
    rows = stage.name.startswith(("segmentation_", "classification_"))
    return "/".join(stage.outputs[0].split("/")[:2]) if rows else stage.name.split("_")[0]


def time_kinds(
    experiment: Mapping[str, Any], datalist: Mapping[str, Any], folder: Path, size: Size, cores: int
) -> dict[str, list[Cost]]:
    """Run one stage of every kind and measure each of its commands.

    Args:
        experiment: the resolved experiment.
        datalist: its whole datalist, with absolute paths.
        folder: an empty folder to run in.
        size: of the run.
        cores: CPU cores that the stages share out.

    Returns:
        Costs of the commands by the kind of stage.

    Raises:
        RuntimeError: a command failed.
    """
    limits = {"training": None, "validation": FEW, "test": size.test, "unlabeled": FEW}
    save_datalist(
        {**datalist, **{split: datalist[split][: limits[split]] for split in SPLITS}}, folder / "data" / "datalist.json"
    )
    small = shrunk(experiment, datalist, size)
    threads = {kind_of(stage): stage.threads for stage in build_stages(dict(experiment), dict(datalist), folder, cores)}
    first = first_of_each_kind(build_stages(small, dict(datalist), folder, cores))
    synthetic = [output for stage in first for output in stage.outputs if output.endswith("synthetic.json")]
    for row in small["segmentation"].values():
        row["config"]["synthetic"] = synthetic
    write_json(folder / "experiment.json", {"name": small["name"], "config": small, "commands": [], "versions": {}})
    costs: dict[str, list[Cost]] = {}
    timed = first_of_each_kind(build_stages(small, dict(datalist), folder, cores))
    write_configs(timed, folder)
    for stage in timed:
        kind = kind_of(stage)
        environment = {**ENVIRONMENT, "OMP_NUM_THREADS": str(threads[kind])}
        costs[kind] = [measure(shlex.split(command), folder, environment) for command in stage.commands]
        seconds = sum(cost.seconds for cost in costs[kind])
        logger.info("%s, %d steps, %d images: %.0f s", stage.name, size.steps, size.images, seconds)
    return costs


def first_of_each_kind(stages: Sequence[Stage]) -> list[Stage]:
    """The first stage of every kind, in their order."""
    return list({kind_of(stage): stage for stage in reversed(stages)}.values())[::-1]

"""An experiment made small, and the time and memory of each kind of its stages."""

from __future__ import annotations

import copy
import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.datalist import SPLITS, save_datalist
from ssgnet_monai.pipeline.growth import ORIGINAL
from ssgnet_monai.pipeline.layout import LAYOUT, RunLayout
from ssgnet_monai.pipeline.measure import Cost, measure
from ssgnet_monai.pipeline.methods import METHODS
from ssgnet_monai.pipeline.run import ENVIRONMENT
from ssgnet_monai.pipeline.settings import settings_of
from ssgnet_monai.pipeline.stage import Stage
from ssgnet_monai.pipeline.stages import plan, write

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Size:
    """Of a timing run: optimiser steps, generated images, test images."""

    steps: int
    images: int
    test: int


SMALL, LARGE = Size(1, 8, 4), Size(33, 40, 36)  # the 32 steps between hold the lazy R1, every 16th, exactly twice
FEW = 4  # images to validate on, and real ones to label, in a timing run


def shrunk(experiment: Mapping[str, Any], datalist: Mapping[str, Any], size: Size) -> dict[str, Any]:
    """The experiment with few steps and images, one class and one seed; what a step costs stays what it is.

    Args:
        experiment: the resolved experiment.
        datalist: its whole datalist.
        size: what to keep.
    """
    small = copy.deepcopy(dict(experiment))
    small |= {"seeds": small["seeds"][:1], "budget": 1}
    synthesis = small["synthesis"]
    if synthesis is not None:
        per_class = 1 if synthesis["classes"] == "all" else len(datalist["classes"])
        batch = settings_of(experiment, "synthesis").merged["batch_size"]
        kimg = size.steps * batch / 1000
        synthesis |= {"images": size.images * per_class, "class_mix": "equal"}
        synthesis["config"] |= {"kimg": kimg, "tick_kimg": kimg}
    for name, row in small["segmentation"].items():
        row["config"] |= {"steps": size.steps, "epoch_length": size.steps}
        if "num_rounds" in METHODS[row["method"]].may_grow:
            rounds = settings_of(experiment, "segmentation", name).merged["num_rounds"]
            row["config"]["num_rounds"] = min(1, rounds)
        if row["num_labeled"] is not None:
            row["num_labeled"] = max(row["num_labeled"], len(datalist["training"]) - FEW)
    for row in small["classification"].values():
        row["config"] |= {"steps": size.steps, "epoch_length": size.steps}
        row["settings"] = [ORIGINAL]
    return small


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
    few = {split: datalist[split][: limits[split]] for split in SPLITS}
    layout = RunLayout(folder)
    save_datalist({**datalist, **few}, layout.datalist)
    small = shrunk(experiment, datalist, size)
    threads = {stage.kind: stage.threads for stage in plan(dict(experiment), dict(datalist), folder, cores)}
    first = first_of_each_kind(plan(small, dict(datalist), folder, cores))
    synthetic = [str(stage.outputs.synthetic) for stage in first if stage.outputs.synthetic]
    for row in small["segmentation"].values():
        if METHODS[row["method"]].pooled:
            row["config"]["synthetic"] = synthetic
    write_json(
        layout.experiment, {"name": small["name"], "layout": LAYOUT, "config": small, "commands": [], "versions": {}}
    )
    costs: dict[str, list[Cost]] = {}
    timed = first_of_each_kind(plan(small, dict(datalist), folder, cores))
    write(timed, folder)
    for stage in timed:
        environment = {**ENVIRONMENT, "OMP_NUM_THREADS": str(threads[stage.kind])}
        costs[stage.kind] = [measure(shlex.split(command), folder, environment) for command in stage.commands]
        seconds = sum(cost.seconds for cost in costs[stage.kind])
        logger.info("%s, %d steps, %d images: %.0f s", stage.name, size.steps, size.images, seconds)
    return costs


def first_of_each_kind(stages: Sequence[Stage]) -> list[Stage]:
    """The first stage of every kind, in their order."""
    return list({stage.kind: stage for stage in reversed(stages)}.values())[::-1]

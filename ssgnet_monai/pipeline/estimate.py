"""``ssgnet estimate``: hours and memory of every stage, from the very same commands with few steps.

Every kind of stage is run twice in a temporary folder, with the experiment's image size, batch and networks on its real
images; only the numbers of steps and images are small. Two sizes separate the start (a) from the cost of a step or
image (b): ``seconds = a + b * units``.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from ssgnet_monai.data.datalist import load_datalist
from ssgnet_monai.data.labeled_items import split_labeled
from ssgnet_monai.pipeline.estimate_table import GIGABYTE, Part, duration, format_parts, shortages
from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.extrapolate import makespan, straight_line
from ssgnet_monai.pipeline.interruption import signals_raise
from ssgnet_monai.pipeline.layout import RunLayout
from ssgnet_monai.pipeline.measure import Cost, measure
from ssgnet_monai.pipeline.methods import METHODS
from ssgnet_monai.pipeline.prepare_command import prepare_command
from ssgnet_monai.pipeline.settings import settings_of
from ssgnet_monai.pipeline.stage import Stage
from ssgnet_monai.pipeline.stages import plan
from ssgnet_monai.pipeline.synthesis_stages import images_to_generate
from ssgnet_monai.pipeline.timing_runs import LARGE, SMALL, Size, time_kinds

logger = logging.getLogger(__name__)
Costs = Mapping[str, Sequence[Cost]]
Settings = Mapping[str, Any]


def estimate_experiment(
    path: str | Path, overrides: Iterable[str] = (), cores: int | None = None, trust_code: bool = False
) -> str:
    """Time the stages of an experiment with few steps and extrapolate; the run's own folder is only read.

    Args:
        path: the experiment file.
        overrides: ``key=value`` words.
        cores: CPU cores to use; None: all that this process may use.

    Returns:
        A table with a row for each command, the total, and what may be short: memory and disk.

    Raises:
        ValueError: a wrong setting.
        RuntimeError: a command failed; the run itself would fail there too.
    """
    experiment = load_experiment(path, overrides, trust_code)
    cores = cores or len(os.sched_getaffinity(0))
    run_dir = Path(experiment["output_dir"]).expanduser().absolute()
    began = time.monotonic()
    with signals_raise(), tempfile.TemporaryDirectory(prefix="ssgnet-estimate-") as name:
        folder, source, prepare = Path(name), RunLayout(run_dir), []
        if not source.datalist.exists():
            source = RunLayout(folder)
            logger.info("preparing the data in a temporary folder")
            cost = measure(prepare_command(experiment), folder)
            prepare = [Part("prepare", "all images", "run", cost.seconds, 1, cost.seconds, cost.memory)]
        datalist = load_datalist(source.data)
        stages = plan(experiment, datalist, folder, cores)
        small, large = (
            time_kinds(experiment, datalist, folder / f"steps_{size.steps}", size, cores) for size in (SMALL, LARGE)
        )
        parts = {stage.name: stage_parts(stage, experiment, datalist, small, large) for stage in stages}
        disk = _disk(folder / f"steps_{LARGE.steps}", stages)
    seconds = {stage: sum(part.seconds for part in found) for stage, found in parts.items()}
    gpus = 1 if shutil.which("nvidia-smi") else None
    total = sum(part.seconds for part in prepare) + makespan(stages, seconds, cores, gpus)
    memory = max(
        _side_by_side(stage, stages, cores) * max(part.memory for part in parts[stage.name]) for stage in stages
    )
    lines = [
        format_parts([*prepare, *(part for found in parts.values() for part in found)]),
        f"total: about {duration(total)} on {cores} cores, {disk / GIGABYTE:.1f} GB on disk.",
        f"Measured in {duration(time.monotonic() - began)}, from {LARGE.steps - SMALL.steps} steps of each kind; other "
        "programs on this machine change it as they change the run.",
        *shortages(memory, disk, run_dir),
    ]
    return "\n".join(lines)


def stage_parts(stage: Stage, experiment: Settings, datalist: Settings, small: Costs, large: Costs) -> list[Part]:
    """The commands of one stage, from the two timing runs of its kind.

    Args:
        stage: a stage of the whole experiment.
        experiment: the resolved experiment.
        datalist: its whole datalist.
        small: costs by kind of stage at ``SMALL``.
        large: the same at ``LARGE``.
    """
    kind = stage.kind
    if stage.row is None:  # a page or a list: little more than the start of a process
        cost = small["report"][0]
        name = "page" if kind == "report" else "list"
        return [Part(stage.name, name, "run", cost.seconds, 1, cost.seconds, cost.memory)]

    def part(index: int, name: str, unit: str, units: float, size: Callable[[Size], float], more: float = 0.0) -> Part:
        one, other = small[kind][index], large[kind][index]
        n1, n2 = size(SMALL), size(LARGE)
        start, slope = straight_line((n1, one.seconds), (n2, other.seconds)) if n1 < n2 else (other.seconds, 0.0)
        memory, gpu_memory = max(one.memory, other.memory), max(one.gpu_memory, other.gpu_memory)
        return Part(stage.name, name, unit, slope, units, start + slope * units + more, memory, gpu_memory)

    group, row_name = stage.row
    settings = settings_of(experiment, group, row_name).merged
    if kind == "generator":
        steps = settings["kimg"] * 1000 / settings["batch_size"]
        return [part(0, "training", "step", steps, lambda size: size.steps)]
    if kind == "synthesis":
        count = _images(stage)
        return [part(i, name, "image", count, lambda size: size.images) for i, name in enumerate(("images", "scores"))]
    tests, steps = len(datalist["test"]), settings["steps"]
    validations = steps / _resolved(settings, "epoch_length")
    if group == "classification" or not METHODS[experiment[group][row_name]["method"]].may_grow:
        test = part(1, "test", "image", tests, lambda size: min(size.test, tests))
        # Of several networks the test scores each, and then all once more; validation looks at one.
        networks = METHODS[experiment[group][row_name]["method"]].networks if group == "segmentation" else 1
        answers = 2 * networks if networks > 1 else 1
        more = test.per_unit / answers * validations * len(datalist["validation"])
        return [part(0, "training", "step", steps, lambda size: size.steps, more), test]
    rounds = settings["num_rounds"]
    arms = 2 if _resolved(settings, "real_only_control") else 1
    # The baseline, and each round with its control.
    trainings, timed = ((arms * n + 1) * settings["teachers"] for n in (rounds, min(1, rounds)))
    test = part(1, "test", "image", tests * trainings, lambda size: min(size.test, tests) * timed)
    row = experiment[group][row_name]
    pool = (rounds + 1) * pool_size(row, settings["pool"], experiment, datalist) if rounds else 0
    answers = pool * settings["teachers"] * _resolved(settings, "label_views")
    more = test.per_unit * (validations * trainings * len(datalist["validation"]) + answers)
    return [part(0, "rounds", "step", steps * trainings, lambda size: size.steps * timed, more), test]


def pool_size(row: Settings, pool: str, experiment: Settings, datalist: Settings) -> int:
    """Images that every round labels."""
    training = datalist["training"]
    if row["labeled_list"] is not None:
        hidden = len(split_labeled(training, labeled_list=row["labeled_list"])[1])
    else:
        hidden = len(training) - (row["num_labeled"] or len(training))
    real = hidden + len(datalist["unlabeled"])
    synthetic = sum(images_to_generate(dict(experiment), dict(datalist)).values())
    return {"real": real, "synthetic": synthetic, "both": real + synthetic}[pool]


def _resolved(settings: Settings, key: str) -> Any:
    """A setting that depends on others."""
    return ConfigParser(dict(settings)).get_parsed_content(key)


def _images(stage: Stage) -> int:
    """Images that a synthesis stage generates."""
    return int(stage.config.content["num_images"]) if stage.config else 0


def _side_by_side(stage: Stage, stages: Sequence[Stage], cores: int) -> int:
    return min(sum(other.kind == stage.kind for other in stages), max(1, cores // stage.threads))


def _disk(timed: Path, stages: Sequence[Stage]) -> float:
    """Bytes that the run will write: the files of a kind's timing run for every stage, and the generated images."""
    total = 0.0
    for kind, number in Counter(stage.kind for stage in stages).items():
        place = timed / {"generator": "generators"}.get(kind, kind)
        sizes = {path: path.stat().st_size for path in sorted(place.rglob("*")) if path.is_file()}
        images = [size for path, size in sizes.items() if kind == "generator" and path.parent.name == "images"]
        total += number * (sum(sizes.values()) - sum(images))
        if images:
            generated = sum(_images(stage) for stage in stages if stage.kind == "synthesis")
            total += generated * sum(images) / len(images)
    return total

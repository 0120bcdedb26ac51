"""Run an experiment: prepare the data, then let Snakemake run the stages that are missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.datalist import load_datalist
from ssgnet_monai.data.few_images import size_warnings
from ssgnet_monai.data.folder_lock import hold_folder
from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.interruption import end_jobs, signals_raise
from ssgnet_monai.pipeline.layout import LAYOUT, RunLayout, refuse_earlier
from ssgnet_monai.pipeline.mlflow_tracking import require_mlflow, track_run
from ssgnet_monai.pipeline.prepare_command import prepare_command
from ssgnet_monai.pipeline.prepared_data import WORDS, prepare_data, read_prepared
from ssgnet_monai.pipeline.progress import StageWatch
from ssgnet_monai.pipeline.stage import PYTHON, Stage
from ssgnet_monai.pipeline.stages import check, plan, write

logger = logging.getLogger(__name__)
# Passive threads: spinning ones hold up a busy machine. Malloc: a training step frees and takes the
# same large buffers; they are not given back to the kernel in between.
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    "MALLOC_MMAP_THRESHOLD_": "4000000000",
    "MALLOC_TRIM_THRESHOLD_": "8000000000",
    "MALLOC_TOP_PAD_": "268435456",
    "PYTHONSAFEPATH": "1",  # Snakemake starts itself again in the run's folder
}
SNAKEFILE = Path(__file__).with_name("Snakefile")
PACKAGES = ("ssgnet-monai", "torch", "torchvision", "monai", "pytorch-ignite", "numpy", "scikit-image", "clean-fid")


def run_experiment(
    path: str | Path,
    overrides: Iterable[str] = (),
    cores: int | None = None,
    dry_run: bool = False,
    tracking: str | None = None,
    trust_code: bool = False,
) -> int:
    """Run every stage of an experiment that is not done yet; after a kill the same call goes on.

    Ctrl-C, SIGTERM and SIGHUP let the running stages save a checkpoint before the run ends.

    Args:
        path: the experiment file.
        overrides: ``key=value`` words.
        cores: CPU cores to use; None: all that this process may use.
        dry_run: only say which stages would run.
        tracking: "mlflow" writes the report's settings, curves and scores to ``mlruns.db`` in the run's folder.
        trust_code: whether the experiment may name code that `ssgnet verify` does not know.

    Returns:
        0 when the report is written, 1 when a stage failed (its log has been shown).

    Raises:
        ValueError: a wrong setting, or one that the data or a training of the same folder began without.
        RuntimeError: another process is running in the same folder.
    """
    overrides = list(overrides)
    experiment = load_experiment(path, overrides, trust_code)
    cores = cores or len(os.sched_getaffinity(0))
    run_dir = Path(experiment["output_dir"]).expanduser().absolute()
    refuse_earlier(RunLayout(run_dir))
    prepare = prepare_command(experiment)
    if dry_run:
        return _describe(experiment, prepare, run_dir, cores)
    if importlib.util.find_spec("snakemake") is None:
        raise ImportError(
            "Expected Snakemake to run the stages, it is not installed: pip install 'ssgnet-monai[pipeline]'"
        )
    if tracking:
        require_mlflow()
    run_dir.mkdir(parents=True, exist_ok=True)
    hold_folder(run_dir, "`ssgnet run`")
    with signals_raise():
        began = time.monotonic()
        if read_prepared(prepare, run_dir) is None:
            prepare_data(prepare, run_dir)
        datalist = load_datalist(RunLayout(run_dir).data)
        _warn_of_sizes(datalist)
        stages = plan(experiment, datalist, run_dir, cores)
        check(stages, run_dir)
        write(stages, run_dir)
        _record(experiment, path, overrides, stages, prepare, run_dir)
        if not _snakemake(run_dir, stages, cores):
            return 1
        if tracking:
            track_run(run_dir)
        logger.info("report: %s (%.0f s)", RunLayout(run_dir).report, time.monotonic() - began)
        return 0


def _describe(experiment: dict[str, Any], prepare: list[str], run_dir: Path, cores: int) -> int:
    datalist = read_prepared(prepare, run_dir)
    logger.info("would write %s", run_dir)
    if datalist is None:
        logger.info("prepare: %s", shlex.join(prepare))
        generators = experiment["synthesis"] and f"generators: {experiment['synthesis']['classes']}"
        logger.info("then, once the classes are known: %s", generators or "no generators")
        for name in experiment["segmentation"]:
            logger.info("segmentation %s, seeds %s", name, experiment["seeds"])
        for name, row in experiment["classification"].items():
            logger.info("classification %s, %s, seeds %s", name, ", ".join(row["settings"]), experiment["seeds"])
        return 0
    _warn_of_sizes(datalist)
    stages = plan(experiment, datalist, run_dir, cores)
    check(stages, run_dir)
    for stage in stages:
        logger.info("%s: %s", stage.name, "done" if stage.is_done(run_dir) else "; ".join(stage.commands))
    return 0


def _warn_of_sizes(datalist: dict[str, Any]) -> None:
    for warning in size_warnings(datalist):
        logger.warning("%s", warning)


def _record(
    experiment: dict[str, Any],
    path: str | Path,
    overrides: list[str],
    stages: list[Stage],
    prepare: list[str],
    run_dir: Path,
) -> None:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    commands = [shlex.join(["ssgnet", "run", str(path), *overrides])]
    commands += [shlex.join(["ssgnet", *prepare[WORDS:]])]
    commands += [command.replace(shlex.quote(sys.executable), "python") for s in stages for command in s.commands]
    content = {"name": experiment["name"], "layout": LAYOUT, "config": experiment}
    content |= {"commands": commands, "versions": versions}
    write_json(RunLayout(run_dir).experiment, content)


def _snakemake(run_dir: Path, stages: list[Stage], cores: int) -> bool:
    words = [*PYTHON, "-m", "snakemake", "--snakefile", str(SNAKEFILE), "--directory", str(run_dir)]
    words += ["--cores", str(cores), "--rerun-incomplete", "--rerun-triggers", "mtime", "--nolock", "--keep-going"]
    if shutil.which("nvidia-smi"):
        words += ["--resources", "gpu=1"]
    layout = RunLayout(run_dir)
    layout.logs.mkdir(exist_ok=True)
    watch = StageWatch(run_dir, stages)
    with open(layout.snakemake_log, "a", encoding="utf-8") as log:
        environment = {**ENVIRONMENT, **os.environ}
        # A session of its own: the terminal's Ctrl-C comes to this process alone, which then ends the jobs in order.
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                time.sleep(0.5)
                watch.update()
        except BaseException:
            end_jobs(process)
            raise
    watch.update()
    if process.returncode == 0:
        return True
    failed = watch.unfinished()
    for name in failed:
        logger.error("%s failed (log: %s):\n%s", name, watch.log(name), watch.causes(name))
    if not failed:
        tail = layout.snakemake_log.read_text(encoding="utf-8").splitlines()[-25:]
        logger.error("Snakemake failed; the end of its log:\n%s", "\n".join(tail))
    logger.error("Mend the cause and run the same command again: finished stages and saved steps are kept.")
    return False

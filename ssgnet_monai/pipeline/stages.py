"""The stages of an experiment: what each reads, writes and runs. Snakemake orders them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.pipeline.classification_stages import classification_stages
from ssgnet_monai.pipeline.layout import RunLayout
from ssgnet_monai.pipeline.segmentation_stages import segmentation_stages
from ssgnet_monai.pipeline.stage import Outputs, Stage, ssgnet_command
from ssgnet_monai.pipeline.synthesis_stages import synthesis_stages


def plan(experiment: dict[str, Any], datalist: dict[str, Any], run_dir: Path, cores: int) -> list[Stage]:
    """List the stages after preparation. Nothing is read or written, see ``check`` and ``write``.

    Args:
        experiment: the resolved experiment.
        datalist: the prepared datalist.
        run_dir: folder of the run.
        cores: CPU cores to share out.

    Raises:
        ValueError: what the data are too few for.
    """
    stages = synthesis_stages(experiment, datalist, run_dir, cores)
    synthetic = [stage.outputs.synthetic for stage in stages if stage.outputs.synthetic is not None]
    stages += segmentation_stages(experiment, datalist, run_dir, cores, synthetic)
    stages += classification_stages(experiment, datalist, run_dir, cores, synthetic)
    metrics = [stage.outputs.metrics for stage in stages if stage.outputs.metrics is not None]
    page = Outputs(report=RunLayout(Path()).report)
    return [*stages, Stage("report", "report", metrics, page, [ssgnet_command("report", ".")])]


def check(stages: Iterable[Stage], run_dir: Path) -> None:
    """Hold the stages against what their folders have been trained with so far. Nothing is written.

    Raises:
        ValueError: a stage has been trained with other settings.
    """
    for stage in stages:
        if stage.config is not None and stage.config.trained is not None:
            stage.config.trained.check(run_dir)


def write(stages: Iterable[Stage], run_dir: Path) -> None:
    """Write the stages' configurations and their list into the run's folder."""
    stages = list(stages)
    for stage in stages:
        if stage.config is not None:
            stage.config.write(run_dir)
    write_json(RunLayout(run_dir).stages, [stage.as_dict() for stage in stages])

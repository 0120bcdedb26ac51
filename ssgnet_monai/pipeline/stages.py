"""The stages of an experiment: what each reads, writes and runs. Snakemake orders them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ssgnet_monai.pipeline.classification_stages import classification_stages
from ssgnet_monai.pipeline.segmentation_stages import segmentation_stages
from ssgnet_monai.pipeline.stage import Stage, ssgnet_command
from ssgnet_monai.pipeline.synthesis_stages import synthesis_stages


def build_stages(experiment: dict[str, Any], datalist: dict[str, Any], run_dir: Path, cores: int) -> list[Stage]:
    """List the stages after preparation; nothing is written, see ``write_configs``.

    Args:
        experiment: the resolved experiment.
        datalist: the prepared datalist.
        run_dir: folder of the run.
        cores: CPU cores to share out.

    Raises:
        ValueError: what the data are too few for, or a stage that has been trained with other settings.
    """
    stages = synthesis_stages(experiment, datalist, run_dir, cores)
    synthetic = [output for stage in stages for output in stage.outputs if output.endswith("synthetic.json")]
    stages += segmentation_stages(experiment, datalist, run_dir, cores, synthetic)
    stages += classification_stages(experiment, datalist, run_dir, cores, synthetic)
    finals = [output for stage in stages for output in stage.outputs if "metrics" in output]
    return [*stages, Stage("report", finals, ["report.html"], [ssgnet_command("report", ".")])]

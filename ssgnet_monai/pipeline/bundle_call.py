"""How a stage calls its bundle: one configuration of its own, and a command line of MONAI."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssgnet_monai.pipeline.layout import RunLayout, StageFolder
from ssgnet_monai.pipeline.settings import BundleSettings
from ssgnet_monai.pipeline.stage import PYTHON, StageConfig
from ssgnet_monai.pipeline.trained_settings import Trained


class BundleCall:
    """A bundle's commands of one stage, and the configuration that they share. Nothing is written.

    Args:
        settings: of the stage.
        folder: the stage's own, relative to the run's.
        run_dir: folder of the run, where the commands are run.
    """

    def __init__(self, settings: BundleSettings, folder: StageFolder, run_dir: Path) -> None:
        self.settings, self.run_dir = settings, run_dir
        content = {**settings.own(), "config_sha256": settings.sha256}
        self.config = StageConfig(folder.config, content, Trained(folder.trained_with, settings))

    def train(self) -> str:
        """A shell line that trains by the settings' method."""
        return self._command(self.settings.configs, self.settings.run_id)

    def evaluate(self) -> str:
        """A shell line that scores on the test images."""
        return self._command(self.settings.evaluated)

    def inference(self) -> str:
        """A shell line that runs what was trained."""
        return self._command(self.settings.inferred)

    def _command(self, names: list[str] | tuple[str, ...], run_id: str = "run") -> str:
        configs = self.settings.bundle / "configs"
        files = [configs / f"{name}.yaml" for name in names]
        files += [layer.file for layer in self.settings.layers if layer.file is not None]
        relative = [os.path.relpath(file, self.run_dir) for file in (*files, self.run_dir / self.config.path)]
        listed = "[" + ",".join(f"'{file}'" for file in relative) + "]"
        logging_file = os.path.relpath(configs / "logging.conf", self.run_dir)
        return (
            f"{shlex.join(PYTHON)} -m monai.bundle run {run_id} --config_file {shlex.quote(listed)} "
            f"--logging_file {shlex.quote(logging_file)}"
        )


def folder_settings(folder: StageFolder, datalist: Mapping[str, Any]) -> dict[str, Any]:
    """What every stage is told of its data and its place; paths are relative to the run's folder."""
    place = str(folder.path)
    data = str(RunLayout(Path()).data)
    return {"dataset_dir": data, "output_dir": place, "ckpt_dir": place, "num_channels": datalist["num_channels"]}

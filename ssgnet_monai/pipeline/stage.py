"""One stage of an experiment, and how it calls a bundle."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ssgnet_monai.data.atomic_write import atomic_path, write_json
from ssgnet_monai.pipeline.experiment import config_file
from ssgnet_monai.pipeline.trained_settings import FILE, check_settings

DATALIST = "data/datalist.json"
# -P: what lies in a run's folder, where the commands run, is not imported.
PYTHON = (sys.executable, "-P")


@dataclass(frozen=True)
class StageConfig:
    """The override file of a stage. Nothing is on disk before :meth:`write`.

    ``path`` is relative to the run's folder, ``shared`` are further files whose content the hash covers, ``trained``
    the settings that its training begins with (None: it trains nothing).
    """

    path: str
    settings: Mapping[str, Any]
    shared: Sequence[Path] = ()
    trained: Mapping[str, Any] | None = None

    def write(self, run_dir: Path) -> None:
        """Write the file with the hash of all settings; unchanged, it keeps its time: what is done stays done."""
        path = run_dir / self.path
        texts = [file.read_text(encoding="utf-8") for file in self.shared]
        content = json.dumps([self.settings, *texts], sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()
        text = yaml.safe_dump({**self.settings, "config_sha256": digest}, sort_keys=False, allow_unicode=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            with atomic_path(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        if self.trained is not None:
            write_json(path.parent / FILE, self.trained)


@dataclass
class Stage:
    """One job of the pipeline; paths are relative to the run's folder.

    ``outputs`` are only files that are written whole at the end: Snakemake deletes declared outputs of a job that
    was interrupted, and what a stage resumes from must survive that.
    """

    name: str
    inputs: list[str]
    outputs: list[str]
    commands: list[str]
    threads: int = 1
    gpu: int = 0
    config: StageConfig | None = None

    def as_dict(self) -> dict[str, Any]:
        """The stage as plain data, for the Snakefile."""
        return {key: value for key, value in vars(self).items() if key != "config"}


def write_configs(stages: Iterable[Stage], run_dir: Path) -> None:
    """Write the override files of all stages into the run's folder."""
    for stage in stages:
        if stage.config is not None:
            stage.config.write(run_dir)


class BundleCall:
    """A bundle's commands of one stage, and the override file that they share. Nothing is written.

    Args:
        bundle: folder of the bundle.
        experiment: the resolved experiment.
        datalist: the prepared datalist.
        group: its ``synthesis``, or a row of another group: ``profile`` and ``config``.
        config: settings of the stage; those of ``group`` win.
        run_dir: folder of the run.
        folder: the stage's own, relative to it.
        configs: names of the bundle's configurations that train.
        may_grow: settings of which a larger number continues a training.

    Raises:
        ValueError: the stage has been trained with other settings.
    """

    def __init__(
        self,
        bundle: Path,
        experiment: Mapping[str, Any],
        datalist: Mapping[str, Any],
        group: Mapping[str, Any],
        config: Mapping[str, Any],
        run_dir: Path,
        folder: str,
        configs: Iterable[str] = ("train",),
        may_grow: Iterable[str] = (),
    ) -> None:
        self.bundle, self.run_dir = bundle, run_dir
        shared = [config_file("datasets", experiment["dataset"])]
        if group["profile"]:
            shared.append(config_file("profiles", group["profile"]))
        own = {
            "dataset_dir": "data",
            "output_dir": folder,
            "ckpt_dir": folder,
            "image_size": experiment["image_size"],
            "num_channels": datalist["num_channels"],
        }
        settings = {**own, **config, **group["config"]}
        contents = [yaml.safe_load(file.read_text(encoding="utf-8")) or {} for file in shared]
        together = {key: value for content in (*contents, settings) for key, value in content.items()}
        trained = check_settings(run_dir / folder, together, bundle, configs, may_grow)
        self.config = StageConfig(f"{folder}/config.yaml", settings, shared, trained)
        self.overrides = [*shared, run_dir / self.config.path]

    def command(self, *names: str, run_id: str = "run") -> str:
        """A shell line that runs the bundle's configs of these names under the stage's settings."""
        files = [*(self.bundle / "configs" / f"{name}.yaml" for name in names), *self.overrides]
        relative = [os.path.relpath(file, self.run_dir) for file in files]
        listed = "[" + ",".join(f"'{file}'" for file in relative) + "]"
        logging_file = os.path.relpath(self.bundle / "configs" / "logging.conf", self.run_dir)
        return (
            f"{shlex.join(PYTHON)} -m monai.bundle run {run_id} --config_file {shlex.quote(listed)} "
            f"--logging_file {shlex.quote(logging_file)}"
        )


def ssgnet_command(*words: str) -> str:
    """A shell line that runs ``ssgnet`` with this Python."""
    return shlex.join([*PYTHON, "-m", "ssgnet_monai.cli", *words])

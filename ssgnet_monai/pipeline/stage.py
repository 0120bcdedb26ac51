"""One stage of an experiment, and how it calls a bundle."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ssgnet_monai.data.atomic_write import atomic_path
from ssgnet_monai.pipeline.experiment import config_file
from ssgnet_monai.pipeline.trained_settings import keep_settings

DATALIST = "data/datalist.json"


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
    gpu: int = field(default=0)

    def as_dict(self) -> dict[str, Any]:
        """The stage as plain data, for the Snakefile."""
        return asdict(self)


class BundleCall:
    """A bundle's commands of one stage, and the override file that they share.

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
        self.config = f"{folder}/config.yaml"
        settings = {**own, **config, **group["config"]}
        contents = [yaml.safe_load(file.read_text(encoding="utf-8")) or {} for file in shared]
        together = {key: value for content in (*contents, settings) for key, value in content.items()}
        keep_settings(run_dir / folder, together, bundle, configs, may_grow)
        write_config(run_dir / self.config, settings, shared)
        self.overrides = [*shared, run_dir / self.config]

    def command(self, *names: str, run_id: str = "run") -> str:
        """A shell line that runs the bundle's configs of these names under the stage's settings."""
        files = [*(self.bundle / "configs" / f"{name}.yaml" for name in names), *self.overrides]
        relative = [os.path.relpath(file, self.run_dir) for file in files]
        listed = "[" + ",".join(f"'{file}'" for file in relative) + "]"
        logging_file = os.path.relpath(self.bundle / "configs" / "logging.conf", self.run_dir)
        return (
            f"{shlex.quote(sys.executable)} -m monai.bundle run {run_id} --config_file {shlex.quote(listed)} "
            f"--logging_file {shlex.quote(logging_file)}"
        )


def ssgnet_command(*words: str) -> str:
    """A shell line that runs ``ssgnet`` with this Python."""
    return shlex.join([sys.executable, "-m", "ssgnet_monai.cli", *words])


def write_config(path: Path, config: Mapping[str, Any], shared: list[Path]) -> None:
    """Write an override file with the hash of all settings; unchanged, it keeps its time: what is done stays done.

    Args:
        path: the file.
        config: its settings.
        shared: further files whose content the hash covers.
    """
    content = json.dumps([config, *(file.read_text(encoding="utf-8") for file in shared)], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()
    text = yaml.safe_dump({**config, "config_sha256": digest}, sort_keys=False, allow_unicode=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")

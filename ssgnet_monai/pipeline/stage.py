"""One stage of an experiment: what it reads, makes and runs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ssgnet_monai.data.atomic_write import atomic_path, write_json
from ssgnet_monai.pipeline.trained_settings import Trained

# -P: what lies in a run's folder, where the commands run, is not imported.
PYTHON = (sys.executable, "-P")


@dataclass(frozen=True)
class StageConfig:
    """A stage's own configuration and the settings that its training begins with; on disk after :meth:`write`."""

    path: Path
    content: dict[str, Any]
    trained: Trained | None = None

    def write(self, run_dir: Path) -> None:
        """Write the files; an unchanged configuration keeps its time: what is done stays done."""
        path = run_dir / self.path
        if not path.exists() or yaml.safe_load(path.read_text(encoding="utf-8")) != self.content:
            with atomic_path(path) as temporary:
                text = yaml.safe_dump(self.content, sort_keys=False, allow_unicode=True)
                temporary.write_text(text, encoding="utf-8")
        if self.trained is not None:
            write_json(run_dir / self.trained.path, self.trained.record())


@dataclass(frozen=True)
class Outputs:
    """Files that a stage makes, by what they are.

    They are written whole at the end: Snakemake deletes declared outputs of a job that was interrupted, and what a
    stage resumes from must survive that.
    """

    model: Path | None = None
    synthetic: Path | None = None
    datalist: Path | None = None
    metrics: Path | None = None
    per_image: Path | None = None
    report: Path | None = None

    def files(self) -> list[str]:
        """The paths of those that the stage makes."""
        return [str(path) for path in vars(self).values() if path is not None]


@dataclass(frozen=True)
class Stage:
    """One job of the pipeline; paths are relative to the run's folder.

    Stages of one ``kind`` differ in their class, seed or setting alone, and cost the same; ``row`` is the group and
    the name of the row whose settings they have (None: of lists and the report).
    """

    name: str
    kind: str
    inputs: Sequence[Path]
    outputs: Outputs
    commands: Sequence[str]
    threads: int = 1
    gpu: int = 0
    config: StageConfig | None = None
    row: tuple[str, str | None] | None = None

    def is_done(self, run_dir: Path) -> bool:
        """Whether everything that the stage makes is there."""
        return all((run_dir / output).exists() for output in self.outputs.files())

    def as_dict(self) -> dict[str, Any]:
        """The stage as plain data, for the Snakefile."""
        return {
            "name": self.name,
            "inputs": list(map(str, self.inputs)),
            "outputs": self.outputs.files(),
            "commands": list(self.commands),
            "threads": self.threads,
            "gpu": self.gpu,
        }


def ssgnet_command(*words: str) -> str:
    """A shell line that runs ``ssgnet`` with this Python."""
    return shlex.join([*PYTHON, "-m", "ssgnet_monai.cli", *words])

"""Where things lie in the folder of a run: the one module that knows.

Built on the run's folder it gives paths to read; built on ``Path()`` it gives the same paths relative to that folder,
as the stages name them.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ssgnet_monai.data.names import folder_name

LAYOUT = 2
"""Of the folder of a run and of what lies in it; written into its ``experiment.json``."""
LOG, TIMES = ".log", ".tsv"


@dataclass(frozen=True)
class StageFolder:
    """The folder of one training: a generator, or a row (and setting) with a seed."""

    path: Path

    @property
    def config(self) -> Path:
        """The stage's own settings, over the bundle's, the dataset's, the network's and the profile's."""
        return self.path / "config.yaml"

    @property
    def trained_with(self) -> Path:
        """The settings that the training began with."""
        return self.path / "trained_with.json"

    @property
    def model(self) -> Path:
        """The weights that were chosen."""
        return self.path / "model.pt"

    @property
    def metrics(self) -> Path:
        """The scores, written at the end."""
        return self.path / "metrics.json"

    @property
    def per_image(self) -> Path:
        """Scores by image."""
        return self.path / "per_image.csv"

    @property
    def per_case(self) -> Path:
        """Counts and scores by test case."""
        return self.path / "per_case.csv"

    @property
    def rounds(self) -> Path:
        """The log of pseudo-label rounds."""
        return self.path / "rounds.json"

    @property
    def synthetic(self) -> Path:
        """The list of a generator's images."""
        return self.path / "synthetic.json"

    @property
    def state(self) -> Path:
        """What a training resumes from."""
        return self.path / "state"

    @property
    def curve(self) -> Path:
        """A generator's losses by thousand images."""
        return self.state / "stats.jsonl"

    @property
    def seed(self) -> int:
        """The seed of a row's training."""
        return int(self.path.name.removeprefix("seed"))

    def images(self) -> list[Path]:
        """A generator's images by seed."""
        return sorted((self.path / "images").glob("*.png"), key=_count)

    def examples(self) -> dict[int, dict[str, Path]]:
        """Pictures of test images by number: image, truth, and the masks of the models."""
        found: dict[int, dict[str, Path]] = {}
        for path in sorted((self.path / "examples").glob("*.png"), key=_count):
            if name := re.fullmatch(r"(\d+)_(\w+)", path.stem):
                found.setdefault(int(name[1]), {})[name[2]] = path
        return {number: parts for number, parts in found.items() if "image" in parts}

    def checkpoints(self) -> list[Path]:
        """Files that a training resumes from."""
        return sorted(self.state.rglob("checkpoint_*.pt"))


class RunLayout:
    """The folder of a run.

    Args:
        root: the folder; ``Path()`` for paths relative to it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data, self.features = root / "data", root / "features"
        self.datalist = self.data / "datalist.json"
        self.experiment, self.stages = root / "experiment.json", root / "stages.json"
        self.prepared_with = self.data / "prepare.json"
        self.report, self.report_data = root / "report.html", root / "report.json"
        self.overview = root / "overview.png"
        self.headroom = root / "headroom.json"
        self.logs, self.times = root / "logs", root / "benchmarks"
        self.snakemake_log = self.logs / "snakemake.log"

    def generator(self, class_name: str) -> StageFolder:
        """The folder of a class's generator."""
        return StageFolder(self.root / "generators" / folder_name(class_name))

    def segmentation(self, row: str, seed: int) -> StageFolder:
        """The folder of a row of segmentation with one seed."""
        return StageFolder(self.root / "segmentation" / folder_name(row) / f"seed{seed}")

    def classification(self, row: str, setting: str, seed: int) -> StageFolder:
        """The folder of a classifier: row, setting and seed."""
        return StageFolder(self.root / "classification" / folder_name(row) / folder_name(setting) / f"seed{seed}")

    def grown(self, setting: str) -> Path:
        """The folder of a setting's datalist with generated images."""
        return self.root / "grown" / folder_name(setting)

    def log(self, stage: str) -> Path:
        """What a stage has said."""
        return self.logs / f"{stage}{LOG}"

    def generators(self) -> list[StageFolder]:
        """The generators that are there."""
        return list(map(StageFolder, _folders(self.root / "generators")))

    def rows(self, group: str) -> dict[str, list[StageFolder]]:
        """The rows of segmentation that are there, in the order that people count in: row -> its seeds."""
        return {row.name: _seeds(row) for row in _folders(self.root / group)}

    def classifiers(self) -> dict[str, dict[str, list[StageFolder]]]:
        """The rows of classification that are there: row -> setting -> its seeds."""
        return {
            row.name: {setting.name: _seeds(setting) for setting in _folders(row)}
            for row in _folders(self.root / "classification")
        }

    def trainings(self) -> Iterator[StageFolder]:
        """Every training of the run."""
        yield from self.generators()
        yield from (seed for seeds in self.rows("segmentation").values() for seed in seeds)
        yield from (s for settings in self.classifiers().values() for seeds in settings.values() for s in seeds)

    def benchmarks(self) -> dict[str, Path]:
        """Time and memory of the stages that have ended: stage -> file."""
        return {path.name.removesuffix(TIMES): path for path in sorted(self.times.glob(f"*{TIMES}"))}


def is_earlier(run: RunLayout) -> bool:
    """Whether a folder holds a run of a layout before this one."""
    if not run.experiment.is_file():
        return False
    try:
        record = json.loads(run.experiment.read_text(encoding="utf-8"))
    except ValueError:
        return False  # its reader says what is wrong with it
    return isinstance(record, dict) and record.get("layout") != LAYOUT


def refuse_earlier(run: RunLayout) -> None:
    """Refuse the folder of a run that an earlier version made.

    Raises:
        ValueError: such a run; the message has the command that brings it over.
    """
    if is_earlier(run):
        raise ValueError(
            f"Expected a run of this version in {run.root}, got one of an earlier version. Bring it over with "
            f"`ssgnet move {shlex.quote(str(run.root))}`, or give another output_dir."
        )


def run_around(folder: Path) -> RunLayout:
    """The run that a folder inside it belongs to.

    Args:
        folder: such as ``runs/NAME/segmentation/ROW/seed0``.

    Raises:
        FileNotFoundError: no folder above it is that of a run.
        ValueError: the run is of an earlier version.
    """
    for parent in folder.absolute().parents:
        if (layout := RunLayout(parent)).datalist.is_file():
            refuse_earlier(layout)
            return layout
    raise FileNotFoundError(
        f"Expected the run around {folder}, found no data/datalist.json in a folder above it. Copy the whole run."
    )


def _folders(parent: Path) -> list[Path]:
    found = [path for path in sorted(parent.iterdir()) if path.is_dir()] if parent.is_dir() else []
    words = {path: re.split(r"(\d+)", path.name) for path in found}
    return sorted(found, key=lambda path: [(w.isdigit(), int(w) if w.isdigit() else 0, w) for w in words[path]])


def _seeds(folder: Path) -> list[StageFolder]:
    found = [StageFolder(path) for path in _folders(folder) if re.fullmatch(r"seed\d+", path.name)]
    return sorted(found, key=lambda stage: stage.seed)


def _count(path: Path) -> tuple[int, str]:
    """The first number of a name, so that seed 10 comes after seed 9."""
    found = re.search(r"\d+", path.name)
    return int(found.group()) if found else 0, path.name

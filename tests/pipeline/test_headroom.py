"""The short look before a long run: its experiment, a run that goes on after a failure, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ssgnet_monai.cli import main
from ssgnet_monai.pipeline import headroom
from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.headroom import headroom_experiment, run_headroom
from tests.report.test_headroom import add_row, case_dices

ROWS = """
dataset: phantom
name: small
seeds: [3, 4]
controls: [equal_total_steps, oracle]
synthesis: {images: 50}
segmentation:
  rounds_8: {network: unet, num_labeled: 8, config: {steps: 40, num_rounds: 1}}
  more_rounds_8: {network: unet, num_labeled: 8, config: {steps: 40, num_rounds: 3, label_views: 1}}
  supervised_8: {network: unet, method: supervised, num_labeled: 8, config: {steps: 40}}
  longer_8: {network: unet, num_labeled: 8, config: {steps: 80}}
  all: {network: unet, controls: [], config: {steps: 40}}
classification:
  resnet: {settings: [original]}
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(f"output_dir: {tmp_path / 'run'}\n{ROWS}", encoding="utf-8")
    return path


def test_each_kind_of_training_is_looked_at_once(experiment: Path) -> None:
    short = headroom_experiment(load_experiment(experiment), 0.2)
    rows = short["segmentation"]
    assert {name: row["method"] for name, row in rows.items()} == {
        "rounds_8": "equal_total_steps", "rounds_8-oracle": "oracle",
        "longer_8": "equal_total_steps", "longer_8-oracle": "oracle",
        "all": "equal_total_steps",
    }  # fmt: skip
    assert rows["rounds_8"]["config"] == rows["rounds_8-oracle"]["config"] == {"steps": 40}
    assert (short["seeds"], short["budget"], short["synthesis"], short["classification"]) == ([3], 0.2, None, {})
    assert short["output_dir"].endswith("run_headroom")


def test_what_is_written_is_an_experiment_that_loads_as_it_was(experiment: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(headroom, "run_experiment", lambda *_, **__: 1)
    assert run_headroom(experiment, budget=0.2) is None
    folder = experiment.parent / "run_headroom"
    loaded, short = load_experiment(folder / "headroom.yaml"), headroom_experiment(load_experiment(experiment), 0.2)
    assert loaded["segmentation"].keys() == short["segmentation"].keys()
    assert all(row["config"] == short["segmentation"][name]["config"] for name, row in loaded["segmentation"].items())
    assert not (folder / "headroom.json").exists()


def test_the_command_says_what_to_do(experiment: Path, monkeypatch: Any, capsys: Any) -> None:
    def run(path: Path, **_: Any) -> int:
        rows = load_experiment(path)["segmentation"]
        for name in rows:
            add_row(path.parent, name, case_dices(0.7 if name.endswith("oracle") else 0.5))
        return 0

    monkeypatch.setattr(headroom, "run_experiment", run)
    assert main(["headroom", str(experiment), "--budget", "0.2", "segmentation.all.num_labeled=20"]) == 0
    said = capsys.readouterr().out
    assert "rounds_8: mean Dice over 4 test pictures, one seed, budget 0.2" in said
    assert said.count("ADD UNLABELLED IMAGES. True masks on the pool bring +0.200") == 3
    content = json.loads((experiment.parent / "run_headroom" / "headroom.json").read_text(encoding="utf-8"))
    assert [row["row"] for row in content["rows"]] == ["rounds_8", "longer_8", "all"]
    page = (experiment.parent / "run_headroom" / "report.html").read_text(encoding="utf-8")
    assert page.count("headroom: add unlabelled images") == 3
    assert "30 labelled images alone: 0.479; true masks on the pool: 0.679, difference +0.200 [95% CI" in page
    assert "nothing to compare" not in page  # which plain rows would say
    monkeypatch.setattr(headroom, "run_experiment", lambda *_, **__: 1)
    assert main(["headroom", str(experiment)]) == 1


def test_an_experiment_without_segmenters_has_no_headroom(experiment: Path, capsys: Any) -> None:
    assert main(["headroom", str(experiment), "segmentation={}"]) == 2
    assert "Expected rows of segmentation in the experiment, got none" in capsys.readouterr().err
    assert main(["headroom", str(experiment), "--budget", "2"]) == 2
    assert "Expected budget in (0, 1], got 2.0" in capsys.readouterr().err

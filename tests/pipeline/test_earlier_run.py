"""A run of version 0.1.0 (cut down to its text files and some masks) is refused, moved, and is then one of today's."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from monai.bundle import ConfigParser
from PIL import Image

from ssgnet_monai import cli
from ssgnet_monai.data.datalist import datalist_sha256
from ssgnet_monai.pipeline import earlier_run
from ssgnet_monai.pipeline.earlier_run import EARLIER, move_run
from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.layout import LAYOUT, RunLayout
from ssgnet_monai.pipeline.run import run_experiment
from ssgnet_monai.pipeline.stages import check, plan, write
from ssgnet_monai.shipped import CONFIGS

SAMPLE = Path(__file__).with_name("run_0_1_0")
DEMO = CONFIGS / "experiments" / "demo.yaml"
OVERRIDES = [
    "synthesis.images=24",
    "synthesis.config={kimg: 0.128, tick_kimg: 0.032, channel_max: 8}",
    "segmentation.unet.config={steps: 6, epoch_length: 2, num_rounds: 1, pool: both, confidence_floor: 0.52}",
    "prepare={num_images: [28, 12]}",
    "segmentation.unet.num_labeled=24",
    "controls=[equal_total_steps]",
]
PAPER = "segmentation.unet.config.recipe=paper"
ROW = Path("segmentation", "unet", "seed0")


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The sample, with images, checkpoints and weights in name alone."""
    run = tmp_path / "a run"
    shutil.copytree(SAMPLE, run)
    for place in ("generators/irregular", "generators/regular", str(ROW)):
        for name in ("model.pt", "state/checkpoint_000000001.pt"):
            (run / place / name).parent.mkdir(exist_ok=True)
            (run / place / name).touch()
    datalist = json.loads((run / "data" / "datalist.json").read_text())
    items = [item for split in ("training", "validation", "test", "unlabeled") for item in datalist[split]]
    for path in {run / "data" / item[key] for item in items for key in ("image", "label") if key in item}:
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (32, 32)).save(path)
    (run / "report.html").touch()
    record = json.loads((run / "experiment.json").read_text())
    record["config"]["output_dir"] = str(run)
    (run / "experiment.json").write_text(json.dumps(record))
    return run


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def stages_of(run: Path) -> list[Any]:
    return planned(run, PAPER)


def planned(run: Path, *words: str) -> list[Any]:
    experiment = load_experiment(DEMO, [*OVERRIDES, f"output_dir={run}", *words])
    datalist = json.loads((run / "data" / "datalist.json").read_text())
    return plan(experiment, datalist, run, 2)


def test_everything_that_reads_a_run_refuses_the_earlier_one_with_the_command(
    earlier: Path, capsys: pytest.CaptureFixture
) -> None:
    before = contents(earlier)
    run = [str(DEMO), *OVERRIDES, f"output_dir={earlier}"]
    pool = earlier / ROW / "pseudo_labels" / "round_01"
    for words in (
        ["run", *run],
        ["run", *run, "--dry-run"],
        ["report", str(earlier)],
        ["bundle", "copy", "ssgnet_segmentation", str(earlier.parent / "copy"), "--trained", str(earlier / ROW)],
        ["label", "review", "--pool", str(pool), "--folder", str(earlier.parent / "review")],
    ):
        if words[0] == "bundle":
            torch_file(earlier / ROW / "model.pt")
            before = contents(earlier)
        assert cli.main(words) == 2, words
        assert f"one of an earlier version. Bring it over with `ssgnet move '{earlier}'`" in capsys.readouterr().err
    assert contents(earlier) == before
    assert cli.main(["move", str(earlier)]) == 0  # the advice, followed
    assert cli.main(["report", str(earlier)]) == 0
    assert cli.main(["move", str(earlier)]) == 2
    assert "It needs no move" in capsys.readouterr().err


def torch_file(path: Path) -> None:
    import torch

    torch.save({"a": torch.zeros(1)}, path)


def test_a_moved_run_goes_on_as_today(earlier: Path) -> None:
    times = {path: path.stat().st_mtime_ns for path in earlier.rglob("config.yaml")}
    assert move_run(earlier) == []
    record = json.loads((earlier / "experiment.json").read_text())
    assert record["layout"] == LAYOUT
    row = record["config"]["segmentation"]["unet"]
    assert (row["network"], row["method"], row["profile"]) == ("unet", "rounds", "segmentation_cpu")
    stages = stages_of(earlier)
    check(stages, earlier)  # the trainings go on under today's settings
    write(stages, earlier)
    assert {path: path.stat().st_mtime_ns for path in times} == times  # nothing is done anew
    assert {stage.name: stage.is_done(earlier) for stage in stages} == {
        "generator_irregular": True,
        "synthesis_irregular": True,
        "generator_regular": True,
        "synthesis_regular": True,
        "segmentation_unet_seed0": False,  # scored anew
        "segmentation_unet-equal_total_steps_seed0": False,  # a control, which had no row of its own
        "report": False,
    }
    assert (earlier / ROW / EARLIER).is_file()
    with pytest.raises(ValueError, match=r"Expected steps: 6, .*got steps: 7"):
        check(plan({**record["config"], "segmentation": {"unet": {**row, "config": {**row["config"], "steps": 7}}}},
                   json.loads((earlier / "data" / "datalist.json").read_text()), earlier, 1), earlier)  # fmt: skip


def test_the_rounds_of_a_moved_run_are_those_of_the_paper(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move_run(earlier)
    record = json.loads((earlier / "experiment.json").read_text())
    assert record["config"]["segmentation"]["unet"]["config"]["recipe"] == "paper"
    with pytest.raises(ValueError, match=r"Expected recipe: paper, .*: the default\. Give these settings again"):
        check(planned(earlier), earlier)
    write(stages_of(earlier), earlier)
    (call,) = [s.config for s in stages_of(earlier) if s.name == "segmentation_unet_seed0"]
    settings = call.trained.settings
    files = [settings.bundle / "configs" / f"{name}.yaml" for name in settings.configs]
    files += [layer.file for layer in settings.layers if layer.file]
    monkeypatch.chdir(earlier)
    for recipe in ("paper", "ours"):
        parser = ConfigParser()
        parser.read_config([*map(str, files), str(call.path)])
        parser["recipe"] = recipe
        if recipe == "paper":
            assert parser.get_parsed_content("rounds_log").records("pseudo_label")  # its own file, which fits
            continue
        with pytest.raises(RuntimeError) as error:
            parser.get_parsed_content("rounds_log")
        assert "those of version 0.1.0 are `recipe: paper`" in str(error.value.__cause__)


def test_masks_hold_class_numbers_after_a_move(earlier: Path) -> None:
    masks = sorted((earlier / ROW / "pseudo_labels").rglob("*.png"))
    before = {path: np.asarray(Image.open(path)) for path in masks}
    assert set(np.unique(np.concatenate([mask.ravel() for mask in before.values()]))) == {0, 127, 255}
    move_run(earlier)
    for path, grey in before.items():
        with Image.open(path) as moved:
            assert moved.mode == "P"
            expected = np.select([grey == 255, grey == 127], [1, 255], 0)
            assert np.array_equal(np.asarray(moved), expected)


def test_a_move_that_was_cut_short_is_taken_up(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = earlier.with_name("whole")
    shutil.copytree(earlier, whole)
    move_run(whole)

    def cut(source: Any, target: Any) -> None:
        if Path(target).name == EARLIER:
            raise KeyboardInterrupt
        os.rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(earlier_run.os, "replace", cut)
        with pytest.raises(KeyboardInterrupt):
            move_run(earlier)
    with pytest.raises(ValueError, match="ssgnet move"):  # half of it is not taken for the whole
        run_experiment(DEMO, [*OVERRIDES, f"output_dir={earlier}"], dry_run=True)
    assert move_run(earlier) == []
    assert contents(earlier) == contents(whole)


def test_images_of_a_generator_of_other_data_are_told(earlier: Path) -> None:
    path = earlier / "generators" / "regular" / "synthetic.json"
    content = json.loads(path.read_text())
    assert {entry["datalist_sha256"] for entry in content["unlabeled"]} == {datalist_sha256(earlier / "data")}
    content["unlabeled"][0]["datalist_sha256"] = "0" * 64
    path.write_text(json.dumps(content))
    (told,) = move_run(earlier)
    assert "generators/regular was trained on another datalist" in told
    assert "Train it anew" in told


def test_other_settings_than_those_recorded_are_not_brought_over(earlier: Path) -> None:
    path = earlier / ROW / "trained_with.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "steps": 9}))
    with pytest.raises(ValueError, match=r"got other steps. It cannot be brought over: keep the version that made it"):
        move_run(earlier)
    assert "layout" not in json.loads((earlier / "experiment.json").read_text())
    assert RunLayout(earlier).segmentation("unet", 0).metrics.is_file()

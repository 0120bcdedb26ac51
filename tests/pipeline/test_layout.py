"""Where things lie in a run's folder: the same places for who writes and who reads."""

import subprocess
import sys
from pathlib import Path

import pytest

from ssgnet_monai.pipeline.layout import RunLayout, StageFolder, run_around


def test_places_are_told_relative_and_found_again(tmp_path: Path) -> None:
    here, there = RunLayout(Path()), RunLayout(tmp_path)
    assert str(here.segmentation("unet 30", 2).metrics) == "segmentation/unet_30/seed2/metrics.json"
    assert str(here.classification("resnet", "extra 20", 0).per_image) == (
        "classification/resnet/extra_20/seed0/per_image.csv"
    )
    assert str(here.generator("in situ/early").synthetic) == "generators/in_situ_early/synthetic.json"
    for name, seed in (("unet_180", 10), ("unet_180", 9), ("unet_30", 0)):
        there.segmentation(name, seed).path.mkdir(parents=True)
    (tmp_path / "segmentation" / "unet_30" / "notes").mkdir()
    there.classification("resnet", "original", 1).path.mkdir(parents=True)
    there.generator("b").path.mkdir(parents=True)
    rows = {name: [stage.seed for stage in stages] for name, stages in there.rows("segmentation").items()}
    assert list(rows.items()) == [("unet_30", [0]), ("unet_180", [9, 10])]  # as people count
    assert [stage.seed for stage in there.classifiers()["resnet"]["original"]] == [1]
    assert [stage.path.name for stage in there.generators()] == ["b"]
    assert len(list(there.trainings())) == 5


def test_what_is_absent_is_empty(tmp_path: Path) -> None:
    run = RunLayout(tmp_path / "none")
    assert (run.rows("segmentation"), run.classifiers(), run.generators(), run.benchmarks()) == ({}, {}, [], {})
    assert StageFolder(tmp_path).examples() == {}
    assert StageFolder(tmp_path).checkpoints() == []


def test_images_and_examples_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("images/seed10.png", "images/seed9.png", "examples/10_image.png", "examples/2_image.png",
                 "examples/2_truth.png", "examples/3_truth.png"):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    stage = StageFolder(tmp_path)
    assert [path.name for path in stage.images()] == ["seed9.png", "seed10.png"]
    assert list(stage.examples()) == [2, 10]
    assert set(stage.examples()[2]) == {"image", "truth"}


def test_the_run_around_a_folder(tmp_path: Path) -> None:
    run = RunLayout(tmp_path / "run")
    run.data.mkdir(parents=True)
    run.datalist.touch()
    row = run.segmentation("unet", 0)
    assert run_around(row.path / "pseudo_labels" / "round_01").root == run.root
    with pytest.raises(FileNotFoundError, match=r"no data/datalist.json in a folder above it. Copy the whole run"):
        run_around(tmp_path / "elsewhere")


def test_the_pipeline_is_an_attribute_of_the_package() -> None:
    words = "import ssgnet_monai; print(ssgnet_monai.pipeline.run_experiment.__name__)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "run_experiment"

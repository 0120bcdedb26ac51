"""What is prepared for a run, told while it happens, and noticed when its sources change."""

import json
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.pipeline.experiment import load_experiment
from ssgnet_monai.pipeline.prepare_command import prepare_command
from ssgnet_monai.pipeline.prepared_data import prepare_data, read_prepared, source_files
from ssgnet_monai.pipeline.stage import PYTHON
from ssgnet_monai.shipped import CONFIGS

CLASSIFICATION = CONFIGS / "experiments" / "classification.yaml"


def folder(path, classes=("a", "b"), number=6):
    for k, name in enumerate(classes):
        (path / name).mkdir(parents=True)
        for i in range(number):
            noise = np.random.default_rng(100 * k + i).integers(0, 255, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(noise).save(path / name / f"{name}{i}.png")
    return path


def words(path):
    return prepare_command(load_experiment(CLASSIFICATION, [f"dataset_dir={path}", "image_size=16"]))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda path: shutil.copy(path / "a" / "a0.png", path / "a" / "new.png"), r"1 new \(new\.png\)"),
        (lambda path: Image.new("L", (9, 9)).save(path / "b" / "b1.png"), r"1 changed \(b1\.png\)"),
        (lambda path: (path / "b" / "b1.png").unlink(), "1 removed"),
    ],
)
def test_source_files_of_another_day_are_noticed(tmp_path, change, found):
    source, run_dir = folder(tmp_path / "Erika Mustermann"), tmp_path / "run"
    run_dir.mkdir()
    assert read_prepared(words(source), run_dir) is None
    prepare_data(words(source), run_dir)
    assert len(read_prepared(words(source), run_dir)["training"]) == 8
    assert "Mustermann" not in (run_dir / "data" / "source_files.json").read_text()
    change(source)
    with pytest.raises(ValueError, match=rf"source files as they were .*found {found}\. Give another output_dir"):
        read_prepared(words(source), run_dir)
    other = tmp_path / "other"  # the advice
    other.mkdir()
    prepare_data(words(source), other)
    assert read_prepared(words(source), other)


def test_warnings_of_the_preparation_appear_at_once(tmp_path, capsys):
    source, run_dir = folder(tmp_path / "d"), tmp_path / "run"
    run_dir.mkdir()
    shutil.copy(source / "a" / "a0.png", source / "b" / "copy.png")
    prepare_data(words(source), run_dir)
    assert "lie in two classes pixel by pixel" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by signal 9.*workers=1"),
        ("raise SystemExit(3)", "Its status is 3"),
        (
            "import sys; sys.stderr.write('50 %\\rerror: Expected masks\\n'); sys.exit(2)",
            "failed. error: Expected m",
        ),
    ],
)
def test_a_preparation_that_fails_says_why(tmp_path, code, message):
    with pytest.raises(ValueError, match=message):
        prepare_data([*PYTHON, "-c", code], tmp_path)


def test_code_in_the_folder_of_a_run_is_not_imported(tmp_path):
    (tmp_path / "ssgnet_monai.py").write_text("raise SystemExit('imported')")
    (tmp_path / "argparse.py").write_text("raise SystemExit('imported')")
    prepare_data([*PYTHON, "-c", "import argparse"], tmp_path)
    assert words(folder(tmp_path / "d"))[:2] == [sys.executable, "-P"]


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "datalist.json").write_text(json.dumps({"training": []}))
    (tmp_path / "data" / "command.json").write_text("{")
    with pytest.raises(ValueError, match=r"JSON in .*command\.json"):
        read_prepared(["data"] * 6, tmp_path)


def test_every_folder_of_an_option_is_a_source(tmp_path):
    one, two = (folder(tmp_path / name, number=2) for name in ("one", "two"))
    labels = json.dumps({str(value): f"class {value}" for value in range(40)})
    words = ["data", "prepare", "--unlabeled", str(one), str(two), "--labels", labels, "--out", str(tmp_path)]
    assert len(source_files(words, tmp_path / "run")) == 8

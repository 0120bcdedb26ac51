"""A run around stages of one shell line each: what is prepared, recorded, run, skipped and told."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest

from ssgnet_monai.pipeline import run
from ssgnet_monai.pipeline.stage import PYTHON, Outputs, Stage

DATALIST = '{"training": []}'
PREPARE = (
    f"from pathlib import Path; Path('data').mkdir(); Path('data/datalist.json').write_text({DATALIST!r}); print(1)"
)


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An experiment file whose preparation and stages take no time; ``FAIL`` beside it breaks the last stage."""
    path = tmp_path / "small.yaml"
    path.write_text(f"dataset: phantom\noutput_dir: {tmp_path / 'run'}\nseeds: [3]\n", encoding="utf-8")
    first = Path("first.txt")
    check = "test ! -e ../FAIL || { echo 'OSError: told'; false; }"
    stages = [
        Stage("first", "x", [Path("data/datalist.json")], Outputs(first), [f"{sys.executable} -V > first.txt"]),
        Stage("second", "x", [first], Outputs(Path("report.html")), [check, "cat first.txt > report.html"]),
    ]
    monkeypatch.setattr(run, "plan", lambda *_: stages)
    monkeypatch.setattr(run, "prepare_command", lambda _: [*PYTHON, "-c", PREPARE, "--size", "32"])
    monkeypatch.setattr(run.shutil, "which", lambda _: None)  # no GPU is looked for
    return path


def told(caplog: pytest.LogCaptureFixture) -> str:
    messages = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return "\n".join(messages)


def test_a_failed_run_is_told_and_goes_on_where_it_stopped(experiment: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("snakemake")
    caplog.set_level(logging.INFO, "ssgnet_monai")
    folder, fail = experiment.parent / "run", experiment.parent / "FAIL"
    fail.touch()
    assert run.run_experiment(experiment, ["seeds=[5]"], cores=1) == 1
    messages = told(caplog)
    assert f"second failed (log: {folder / 'logs' / 'second.log'}):\nOSError: told" in messages
    assert "run the same command again" in messages
    assert not (folder / "report.html").exists()

    fail.unlink()
    first = (folder / "first.txt").stat().st_mtime_ns
    assert run.run_experiment(experiment, ["seeds=[5]"], cores=1) == 0  # a second preparation would fail at mkdir
    messages = told(caplog)
    assert "2 stages, 1 already done" in messages
    assert f"report: {folder / 'report.html'}" in messages
    assert (folder / "first.txt").stat().st_mtime_ns == first
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("Python 3")

    record = json.loads((folder / "experiment.json").read_text(encoding="utf-8"))
    assert record["name"] == "small"
    assert record["config"]["seeds"] == [5]
    assert record["commands"] == [
        f"ssgnet run {experiment} 'seeds=[5]'",
        "ssgnet --size 32",
        "python -V > first.txt",
        "test ! -e ../FAIL || { echo 'OSError: told'; false; }",
        "cat first.txt > report.html",
    ]
    assert record["versions"]["torch"] != "not installed"
    seconds, memory = (folder / "benchmarks" / "prepare.tsv").read_text(encoding="utf-8").splitlines()[1].split("\t")
    assert float(seconds) >= 0
    assert float(memory) > 1


def test_data_of_other_options_are_refused(experiment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("snakemake")
    assert run.run_experiment(experiment, cores=1) == 0
    words = [*PYTHON, "-c", PREPARE]
    for faster in (
        ["--size", "32", "--workers", "4"],
        ["--workers", "4", "--size", "32"],
        ["--size", "32", "workers=4"],
    ):
        monkeypatch.setattr(run, "prepare_command", lambda _, faster=faster: [*words, *faster])
        assert run.run_experiment(experiment, cores=1) == 0
    monkeypatch.setattr(run, "prepare_command", lambda _: [*words, "--size", "64"])
    with pytest.raises(ValueError, match=r"the data of `ssgnet --size 64`, found those of `ssgnet --size 32`. Give"):
        run.run_experiment(experiment, cores=1)


def test_a_dry_run_tells_what_is_left_and_writes_nothing(experiment: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ssgnet_monai")
    folder = experiment.parent / "run"
    with open(experiment, "a", encoding="utf-8") as file:
        file.write("synthesis:\nsegmentation:\n  unet:\n    num_labeled: 4\n")
        file.write("classification:\n  resnet:\n    settings: [original]\n")
    assert run.run_experiment(experiment, dry_run=True) == 0
    messages = told(caplog)
    assert "then, once the classes are known: no generators" in messages
    assert "segmentation unet, seeds [3]" in messages
    assert "classification resnet, original, seeds [3]" in messages
    assert not folder.exists()

    (folder / "data").mkdir(parents=True)
    (folder / "data" / "datalist.json").write_text(DATALIST, encoding="utf-8")
    (folder / "first.txt").touch()
    assert run.run_experiment(experiment, dry_run=True) == 0
    messages = told(caplog)
    assert "first: done" in messages
    assert "second: test ! -e ../FAIL" in messages
    assert sorted(path.name for path in folder.iterdir()) == ["data", "first.txt"]


def test_a_failed_preparation_gives_its_last_line(experiment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("snakemake")
    words = [*PYTHON, "-c", "import sys; sys.exit('a warning\\nerror: Expected masks')"]
    monkeypatch.setattr(run, "prepare_command", lambda _: words)
    with pytest.raises(ValueError, match=r"Preparing the data failed\. error: Expected masks$"):
        run.run_experiment(experiment, cores=1)
    assert not (experiment.parent / "run" / "stages.json").exists()


def test_without_snakemake_the_extra_is_named(experiment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ImportError, match=r"pip install 'ssgnet-monai\[pipeline\]'"):
        run.run_experiment(experiment)
    assert not (experiment.parent / "run").exists()

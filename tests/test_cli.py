"""The command line: what reaches the pipeline, and what a person sees when something is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ssgnet_monai.pipeline
from ssgnet_monai import __version__, cli


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Records what ``run_experiment`` is called with instead of running it."""
    recorded: list[tuple[Any, ...]] = []

    def record(
        path: Path, overrides: list[str], cores: int | None, dry_run: bool, tracking: str | None, trust_code: bool
    ) -> int:
        assert not trust_code
        recorded.append((path, overrides, cores, dry_run, tracking))
        return 0

    monkeypatch.setattr(ssgnet_monai.pipeline, "run_experiment", record, raising=False)
    return recorded


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    path = tmp_path / "experiment.yaml"
    path.write_text("name: x\n", encoding="utf-8")
    return path


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: Any, **__: Any) -> int:
        raise error

    monkeypatch.setattr(ssgnet_monai.pipeline, "run_experiment", fail, raising=False)


def test_help_lists_every_command_without_importing_torch() -> None:
    code = (
        "import sys\nfrom ssgnet_monai import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
        "print(sorted({'torch', 'monai', 'numpy', 'ignite'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.splitlines()[-1] == "[]"
    for command in cli.COMMANDS:
        assert f"\n    {command} " in done.stdout


@pytest.mark.parametrize("command", sorted(cli.COMMANDS))
def test_each_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    assert stop.value.code == 0
    assert f"usage: ssgnet {command}" in capsys.readouterr().out


def test_run_hands_over_its_arguments(calls: list[Any], experiment: Path) -> None:
    assert (
        cli.main(["run", str(experiment), "seed=3", "--cores", "2", "a.b=c=d", "--dry-run", "--tracking", "mlflow"])
        == 0
    )
    assert calls == [(experiment, ["seed=3", "a.b=c=d"], 2, True, "mlflow")]


def test_run_defaults(calls: list[Any], experiment: Path) -> None:
    assert cli.main(["run", str(experiment)]) == 0
    assert calls == [(experiment, [], None, False, None)]


def test_demo_runs_the_shipped_experiment(
    calls: list[Any], experiment: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cli, "DEMO_EXPERIMENT", experiment)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["demo", "--cores=1", "kimg=1"]) == 0
    assert calls == [(experiment, ["kimg=1"], 1, False, None)]


def test_a_failed_run_keeps_its_status(monkeypatch: pytest.MonkeyPatch, experiment: Path) -> None:
    monkeypatch.setattr(ssgnet_monai.pipeline, "run_experiment", lambda *_, **__: 1, raising=False)
    assert cli.main(["run", str(experiment)]) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "absent.yaml"], "error: Expected an experiment file, found none at absent.yaml."),
        (["run", "EXPERIMENT", "seed"], "error: Expected key=value after the experiment, got 'seed'."),
        (["run", "EXPERIMENT", "=3"], "error: Expected key=value after the experiment, got '=3'."),
    ],
)
def test_wrong_input_is_one_line(
    words: list[str], message: str, experiment: Path, calls: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([str(experiment) if word == "EXPERIMENT" else word for word in words]) == 2
    assert calls == []
    written = capsys.readouterr().err
    assert written.startswith(message)
    assert written.count("\n") == 1


def test_expected_errors_hide_the_traceback_until_debug(
    monkeypatch: pytest.MonkeyPatch, experiment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, ValueError("Expected 2 classes,\n  got 3"))
    assert cli.main(["run", str(experiment)]) == 2
    assert capsys.readouterr().err == "error: Expected 2 classes, got 3\n"
    for words in (["--debug", "run", str(experiment)], ["run", str(experiment), "--debug"]):
        with pytest.raises(ValueError, match="got 3"):
            cli.main(words)


def test_a_programming_error_is_not_disguised(monkeypatch: pytest.MonkeyPatch, experiment: Path) -> None:
    fail_with(monkeypatch, AttributeError("no such thing"))
    with pytest.raises(AttributeError, match="no such thing"):
        cli.main(["run", str(experiment)])


def test_interrupt_is_130(
    monkeypatch: pytest.MonkeyPatch, experiment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, KeyboardInterrupt())
    assert cli.main(["run", str(experiment)]) == 130
    assert "goes on" in capsys.readouterr().err


def test_reader_that_went_away_leaves_no_traceback() -> None:
    code = (
        "import sys\nfrom ssgnet_monai import cli, doctor\n"
        "def write(arguments):\n    raise BrokenPipeError\n"
        "doctor._report = write\nsys.exit(cli.main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "COMMAND"),
        (["train"], "invalid choice: 'train'"),
        (["run", "x.yaml", "--fast"], "unrecognized arguments: --fast"),
        (["run", "x.yaml", "--cores", "0"], "expected a number of at least 1, got 0"),
        (["doctor", "a=b"], "unrecognized arguments: a=b"),
    ],
)
def test_unknown_words_name_themselves(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"ssgnet-monai {__version__}\n"


def test_threads_do_not_spin_unless_told_to(
    calls: list[Any], experiment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    cli.main(["run", str(experiment)])
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    assert os.environ["GOMP_SPINCOUNT"] == "7"

"""The Makefile's environment, with a stand-in for Python that records what it is asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
STAND_IN = """#!/bin/sh
echo "$@" >> "{log}"
case "$1 $2" in
  "-c import sys; sys.exit"*) exit {old} ;;
  "-c import ensurepip"*) exit {no_venv} ;;
  "-V "*) echo Python 3.9.2 ;;
  "-VV "*) echo Python 3.12.1 "(stand-in)" ;;
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip") exit {pip} ;;
  "-m pytest") echo "1 passed in 0.01s" ;;
esac
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


class Sandbox:
    """A copy of the packaging files with a stand-in interpreter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        self.log = folder / "calls.txt"
        self.python = folder / "python3"
        self.venv = folder / "venv"
        (self.folder / ".ci").mkdir(parents=True)
        for name in ("Makefile", "setup.cfg", "pyproject.toml", ".ci/run"):
            shutil.copy(REPOSITORY / name, self.folder / name)
        self.interpreter()

    def interpreter(self, old: int = 0, no_venv: int = 0, pip: int = 0) -> None:
        self.python.write_text(STAND_IN.format(log=self.log, old=old, no_venv=no_venv, pip=pip), encoding="utf-8")
        self.python.chmod(0o755)

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy; the log starts empty."""
        self.log.write_text("", encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "OMP", "GOMP"))}
        return subprocess.run(
            words, cwd=self.folder, env=kept | variables, capture_output=True, text=True, check=False, timeout=60
        )

    def make(self, target: str = "environment", **variables: str) -> subprocess.CompletedProcess[str]:
        settings = {"PYTHON": str(self.python), "VENV": str(self.venv)} | variables
        return self.run("make", target, *(f"{name}={value}" for name, value in settings.items()))

    def calls(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines()

    def installs(self) -> list[str]:
        return [call for call in self.calls() if " install " in call]


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)


def test_a_missing_environment_is_created_and_filled_once(sandbox: Sandbox) -> None:
    done = sandbox.make()
    assert done.returncode == 0, done.stderr
    assert f"-m venv {sandbox.venv}" in sandbox.calls()
    assert [call.split()[-1] for call in sandbox.installs()] == ["wheel", ".[pipeline,numba,test]", "."]
    assert sandbox.make().returncode == 0
    assert sandbox.calls() == []


def test_changed_requirements_are_installed(sandbox: Sandbox) -> None:
    sandbox.make()
    with open(sandbox.folder / "setup.cfg", "a", encoding="utf-8") as file:
        file.write("# changed\n")
    sandbox.make()
    assert any(call.endswith(".[pipeline,numba,test]") for call in sandbox.installs())
    assert not any(call.startswith("-m venv") for call in sandbox.calls())


def test_another_checkout_only_links_its_code(sandbox: Sandbox) -> None:
    sandbox.make()
    sandbox.folder = sandbox.folder.rename(sandbox.folder.with_name("moved"))
    sandbox.make()
    [link] = sandbox.installs()
    assert "--no-deps" in link


def test_a_half_built_environment_is_begun_again(sandbox: Sandbox) -> None:
    sandbox.interpreter(pip=1)
    assert sandbox.make().returncode != 0
    leftover = sandbox.venv / "leftover"
    leftover.touch()
    sandbox.interpreter()
    done = sandbox.make()
    assert done.returncode == 0, done.stderr
    assert "left half-built" in done.stdout
    assert not leftover.exists()


def test_a_failed_update_keeps_a_finished_environment(sandbox: Sandbox) -> None:
    sandbox.make()
    own = sandbox.venv / "own"
    own.touch()
    (sandbox.folder / "setup.cfg").write_text("[metadata]\n", encoding="utf-8")
    sandbox.interpreter(pip=1)
    shutil.copy(sandbox.python, sandbox.venv / "bin" / "python")
    assert sandbox.make().returncode != 0
    assert sandbox.make().returncode != 0
    assert own.exists()


def test_a_folder_that_is_no_environment_is_left_alone(sandbox: Sandbox) -> None:
    sandbox.venv.mkdir()
    (sandbox.venv / "thesis.txt").write_text("x", encoding="utf-8")
    done = sandbox.make()
    assert done.returncode != 0
    assert "is a folder without bin/python" in done.stdout
    assert (sandbox.venv / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"old": 1}, "error: Python >= 3.11 is needed"),
        ({"no_venv": 1}, "cannot create environments. Debian: apt-get install python3-venv."),
    ],
)
def test_an_unfit_python_is_named(sandbox: Sandbox, setting: dict[str, int], message: str) -> None:
    sandbox.interpreter(**setting)
    done = sandbox.make()
    assert done.returncode != 0
    assert message in done.stdout
    assert not sandbox.venv.exists()


def test_a_missing_python_is_named(sandbox: Sandbox) -> None:
    done = sandbox.make(PYTHON="python-that-is-not-there")
    assert done.returncode != 0
    assert "python-that-is-not-there was not found" in done.stdout


def test_ci_keeps_its_environment_in_the_cache(sandbox: Sandbox, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    settings = {"XDG_CACHE_HOME": str(cache), "PYTHON": str(sandbox.python), "OTHER_PYTHON": ""}
    done = sandbox.run("bash", ".ci/run", **settings)
    assert done.returncode == 0, done.stderr
    assert "no second Python here" in done.stderr
    assert "1 passed in 0.01s" in done.stdout
    [first] = sorted(path for path in (cache / "ssgnet-monai").iterdir() if path.is_dir())
    assert any("-m venv" in call for call in sandbox.calls())
    assert f"-m ssgnet_monai.cli label setup --env {cache}/ssgnet-monai/label" in sandbox.calls()
    sandbox.run("bash", ".ci/run", **settings)
    assert sandbox.installs() == []
    assert any(call.startswith("-m pytest") for call in sandbox.calls())
    for change in ("one", "two"):
        with open(sandbox.folder / "setup.cfg", "a", encoding="utf-8") as file:
            file.write(f"# {change}\n")
        assert sandbox.run("bash", ".ci/run", **settings).returncode == 0
    kept = sorted(path for path in (cache / "ssgnet-monai").iterdir() if path.is_dir())
    assert len(kept) == 2
    assert first not in kept


def test_ci_is_executable_and_fails_with_the_tests(sandbox: Sandbox, tmp_path: Path) -> None:
    assert os.access(REPOSITORY / ".ci" / "run", os.X_OK)
    text = sandbox.python.read_text(encoding="utf-8").replace('echo "1 passed in 0.01s"', "exit 1")
    sandbox.python.write_text(text, encoding="utf-8")
    settings = {"XDG_CACHE_HOME": str(tmp_path), "PYTHON": str(sandbox.python), "OTHER_PYTHON": ""}
    assert sandbox.run("bash", ".ci/run", **settings).returncode != 0


@pytest.mark.parametrize(
    ("replaced", "by", "passes"),
    [
        ("", "", True),
        ('"-m pip") exit 0', '"-m pip") exit 1', True),  # no network: a word and no failure
        ('echo "1 passed in 0.01s"', "exit 1", False),
    ],
)
def test_ci_tests_with_a_second_python(sandbox: Sandbox, tmp_path: Path, replaced: str, by: str, passes: bool) -> None:
    other = tmp_path / "python3.13"
    text = sandbox.python.read_text(encoding="utf-8").replace("Python 3.12.1", "Python 3.13.0")
    other.write_text(text.replace(replaced, by), encoding="utf-8")
    other.chmod(0o755)
    settings = {"XDG_CACHE_HOME": str(tmp_path), "PYTHON": str(sandbox.python), "OTHER_PYTHON": str(other)}
    done = sandbox.run("bash", ".ci/run", **settings)
    assert (done.returncode == 0) == passes, done.stderr
    asked = [call for call in sandbox.calls() if call.startswith("-m pytest")]
    missing = "pip" in by
    assert len(asked) == (1 if missing else 2)
    assert ("environment of" in done.stderr and "tests are skipped" in done.stderr) == missing
    assert (tmp_path / "ssgnet-monai" / "python-3.13.0").is_dir()
    if not missing:
        assert "not slow tests/ops tests/losses tests/metrics" in asked[0]

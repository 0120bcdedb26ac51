"""The separate environment of MONAI Label: where it lies, how it is made, how a command runs in it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from ssgnet_monai import __version__
from ssgnet_monai.data.atomic_write import write_json

logger = logging.getLogger(__name__)

REQUIREMENTS = Path(__file__).with_name("requirements-label.txt")
PYTHON = (3, 11)
"""MONAI Label uses distutils, which later versions lack."""
READY = "ssgnet-label.json"


def default_environment() -> Path:
    """``$XDG_DATA_HOME/ssgnet-monai/label``, by default under ``~/.local/share``."""
    return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "ssgnet-monai" / "label"


def create_environment(folder: Path) -> Path:
    """Make a virtual environment with MONAI Label and this package; one that is complete is left as it is.

    Args:
        folder: where; one that a stopped set-up left is made anew.

    Returns:
        The folder.

    Raises:
        ValueError: the folder holds something else, or there is no Python 3.11.
        RuntimeError: an installation failed.
    """
    wanted = {"requirements": REQUIREMENTS.read_text(encoding="utf-8"), "package": _own_source()}
    record = folder / READY
    found = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if found == wanted:
        logger.info("%s is complete", folder)
        return folder
    if found.get("requirements") == wanted["requirements"]:
        logger.info("%s is complete; linking it to %s", folder, wanted["package"][-1])
        _run([*pip, "--no-deps", *wanted["package"]])
        write_json(record, wanted)
        return folder
    if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
        raise ValueError(f"Expected a new folder or an environment, got {folder} with other files. Choose another one.")
    python = _python()
    logger.info("creating %s with %s: about 8 GB, some minutes", folder, python)
    _run([python, "-m", "venv", "--clear", str(folder)])
    logger.info("installing %s and %s", ", ".join(_names()), wanted["package"][-1])
    _run([*pip, "--requirement", str(REQUIREMENTS), *wanted["package"]])
    write_json(record, wanted)
    return folder


def environment_python(folder: Path) -> Path:
    """The interpreter of a complete environment.

    Raises:
        FileNotFoundError: there is none.
    """
    if not (folder / READY).exists():
        raise FileNotFoundError(
            f"Expected MONAI Label's environment in {folder}, found none that is complete. Run `ssgnet label setup`, "
            "or name another one with --env."
        )
    return folder / "bin" / "python"


def _names() -> list[str]:
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _own_source() -> list[str]:
    """Words for pip that install this package as it is installed here: from a checkout, a wheel file or an index."""
    direct = json.loads(metadata.distribution("ssgnet-monai").read_text("direct_url.json") or "{}")
    path = direct.get("url", "").removeprefix("file://")
    if direct.get("dir_info", {}).get("editable"):
        return ["--editable", path]
    return [path] if path and Path(path).exists() else [f"ssgnet-monai=={__version__}"]


def _python() -> str:
    if sys.version_info[:2] == PYTHON:
        return sys.executable
    found = shutil.which("python{}.{}".format(*PYTHON))
    if found is None:
        raise ValueError(
            f"Expected Python {PYTHON[0]}.{PYTHON[1]} for MONAI Label, got {sys.version.split()[0]} and found no other "
            "on the path. Install it (Debian: apt install python3.11-venv)."
        )
    return found


def _run(command: list[str]) -> None:
    if status := subprocess.run(command, check=False).returncode:
        raise RuntimeError(
            f"Expected {Path(command[0]).name} to succeed, it ended with status {status} (see above). Mend it and run "
            "`ssgnet label setup` again."
        )

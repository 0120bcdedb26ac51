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
from typing import Any
from urllib.parse import unquote, urlsplit

import ssgnet_monai
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

    One that another version of the requirements made, or that was stopped, is made anew; anything else is not touched.

    Args:
        folder: where.

    Returns:
        The folder.

    Raises:
        ValueError: the folder holds something else, or there is no Python 3.11.
        RuntimeError: an installation failed.
    """
    wanted = {"requirements": REQUIREMENTS.read_text(encoding="utf-8"), "package": _own_source()}
    found, python = _record(folder), folder / "bin" / "python"
    if found == wanted:
        logger.info("%s is complete", folder)
        return folder
    if found is None and folder.exists() and any(folder.iterdir()):
        raise ValueError(
            f"Expected a new folder, or an environment that `ssgnet label setup` made, got {folder} with other files. "
            "Choose another one with --env."
        )
    if not found or found["requirements"] != wanted["requirements"]:
        base = _python()
        logger.info("creating %s with %s: about 8 GB, some minutes", folder, base)
        write_json(folder / READY, {})
        for old in sorted(folder.iterdir()):
            if old.is_dir() and not old.is_symlink():
                shutil.rmtree(old)
            elif old.name != READY:
                old.unlink()
        _run([base, "-m", "venv", str(folder)])
    else:
        write_json(folder / READY, {"requirements": wanted["requirements"]})  # until it has been linked to this package
    logger.info("installing %s and %s", ", ".join(_names()), wanted["package"][-1])
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*install, "--requirement", str(REQUIREMENTS), *wanted["package"]])
    write_json(folder / READY, wanted)
    return folder


def environment_python(folder: Path) -> Path:
    """The interpreter of a complete environment.

    Raises:
        FileNotFoundError: there is none.
    """
    if not (_record(folder) or {}).get("package"):
        raise FileNotFoundError(
            f"Expected MONAI Label's environment in {folder}, found none that is complete. Run `ssgnet label setup`, "
            "or name another one with --env."
        )
    return folder / "bin" / "python"


def _names() -> list[str]:
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _record(folder: Path) -> dict[str, Any] | None:
    """What was installed into an environment of ours; empty: its set-up was stopped; None: it is none of ours."""
    path = folder / READY
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _own_source() -> list[str]:
    """Words for pip that install this package as it is installed here: from a checkout, a wheel file or an index."""
    checkout = Path(ssgnet_monai.__file__).resolve().parents[1]
    if (checkout / "setup.cfg").is_file():
        return ["--editable", str(checkout)]
    direct = json.loads(metadata.distribution("ssgnet-monai").read_text("direct_url.json") or "{}")
    source = unquote(urlsplit(direct.get("url", "")).path)
    return [source] if source and Path(source).exists() else [f"ssgnet-monai=={ssgnet_monai.__version__}"]


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

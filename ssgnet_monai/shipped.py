"""Where the bundles and the experiment files lie: beside the package in a checkout, inside it in an installation."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
INSTALLED = PACKAGE / "shipped_files"  # setup.py copies them there when a wheel is built
ROOT = INSTALLED if INSTALLED.is_dir() else PACKAGE.parent
BUNDLES = ROOT / "bundles"
CONFIGS = ROOT / "configs"

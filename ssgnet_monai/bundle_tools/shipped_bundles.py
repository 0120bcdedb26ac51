"""The bundles that ship with the package: what they are, and a copy of one to change."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ssgnet_monai.shipped import BUNDLES


@dataclass(frozen=True)
class Bundle:
    """A shipped bundle; ``version``, ``task`` and ``description`` are those of its metadata."""

    name: str
    version: str
    task: str
    description: str
    path: Path


def shipped_bundles() -> list[Bundle]:
    """List the bundles that ship, by name."""
    bundles = []
    for file in sorted(BUNDLES.glob("*/configs/metadata.json")):
        metadata = json.loads(file.read_text(encoding="utf-8"))
        path = file.parents[1]
        bundles.append(Bundle(path.name, metadata["version"], metadata["task"], metadata["description"], path))
    return bundles


def is_earlier_bundle(folder: Path) -> bool:
    """Whether a folder holds a bundle of version 0.1.0, whose configurations name what is gone."""
    file = folder / "configs" / "metadata.json"
    metadata = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return metadata.get("authors") == "ssgnet-monai contributors" and metadata.get("version") == "0.1.0"


def copy_bundle(name: str, target: Path) -> Path:
    """Copy a shipped bundle, without what runs have left in it; the copy is whole or absent.

    Args:
        name: name of the bundle.
        target: folder to write; it must not exist, or be empty.

    Returns:
        The absolute path of the copy.

    Raises:
        ValueError: there is no such bundle.
        FileExistsError: something is at ``target`` already.
    """
    bundles = {bundle.name: bundle for bundle in shipped_bundles()}
    if name not in bundles:
        raise ValueError(f"Expected one of the bundles {', '.join(bundles)}, got {name!r}.")
    target = target.expanduser().absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(f"Expected a new folder, something is at {target} already. Choose another or remove it.")
    target.parent.mkdir(parents=True, exist_ok=True)
    left_by_runs = shutil.ignore_patterns("data", "models", "output", "__pycache__")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        shutil.copytree(bundles[name].path, Path(folder, "copy"), ignore=left_by_runs).rename(target)
    return target

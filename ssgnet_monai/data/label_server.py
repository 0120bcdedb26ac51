"""What differs where MONAI Label runs a bundle's training: its items come from clinicians, not from a datalist."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from ssgnet_monai.data.atomic_write import atomic_path, sha256_file
from ssgnet_monai.data.datalist import datalist_path, datalist_sha256, load_datalist


def in_label_server() -> bool:
    """Whether MONAI Label started this process: it sets MONAI_LABEL_APP_DIR."""
    return bool(os.environ.get("MONAI_LABEL_APP_DIR"))


def training_datalist(dataset_dir: str | Path) -> dict[str, Any]:
    """The datalist of a training; see ``load_datalist``.

    Args:
        dataset_dir: a prepared folder, or a datalist.

    Returns:
        The datalist. MONAI Label overrides the items: there, a folder that does not exist is a datalist without any,
        of 8-bit pictures.
    """
    if in_label_server() and not Path(dataset_dir).exists():
        return {"intensity_window": [0, 255], "training": [], "validation": [], "test": [], "unlabeled": []}
    return load_datalist(dataset_dir)


def training_sha256(dataset_dir: str | Path) -> str | None:
    """Hash of the datalist of a training, or None where there is none: its items were given another way."""
    return datalist_sha256(dataset_dir) if datalist_path(dataset_dir).is_file() else None


def served_items(path: str | Path, name: str) -> list[dict[str, Any]]:
    """One list of the items that the label server trains with; in a configuration, ``#`` in a path would be an id.

    Args:
        path: JSON file that the server wrote.
        name: ``training``, ``validation`` or ``pool``.
    """
    return json.loads(Path(path).read_text(encoding="utf-8"))[name]


def keep_previous(model: str | Path) -> None:
    """Before a training replaces a served model: copy it to ``model_previous.pt``.

    The one that is there becomes ``model_previous2.pt``. A model that is there already, since its training failed or
    changed nothing, is not copied again.

    Args:
        model: the served weights.
    """
    model = Path(model)
    previous, older = (model.with_name(f"{model.stem}_{name}{model.suffix}") for name in ("previous", "previous2"))
    if not model.exists() or (previous.exists() and sha256_file(previous) == sha256_file(model)):
        return
    if previous.exists():
        os.replace(previous, older)
    with atomic_path(previous) as temporary:
        shutil.copyfile(model, temporary)

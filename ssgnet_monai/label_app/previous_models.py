"""The models that were served before the present one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ssgnet_monai.data.atomic_write import atomic_path, sha256_file


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

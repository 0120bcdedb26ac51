"""The class names of a classifier's outputs, kept beside its weights: the weights alone do not know them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.ops.ranks import rank


def save_class_names(classes: Sequence[str], model_path: str | Path) -> None:
    """Write ``classes.json`` beside the weights.

    Args:
        classes: names in the order of the outputs.
        model_path: file of the weights, which need not exist yet.
    """
    if rank() == 0:
        write_json(_file(model_path), list(classes))


def class_names(model_path: str | Path, default: Sequence[str]) -> list[str]:
    """The names beside the weights, or ``default`` where there are none."""
    file = _file(model_path)
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else list(default)


def check_class_names(classes: Sequence[str], model_path: str | Path) -> None:
    """Compare class names with those beside the weights, if there are any.

    Raises:
        ValueError: other names, or another order.
    """
    trained = class_names(model_path, classes)
    if trained != list(classes):
        raise ValueError(
            f"Expected classes {trained}, those of the weights ({_file(model_path)}), got {list(classes)}. Set classes "
            "to them."
        )


def _file(model_path: str | Path) -> Path:
    return Path(model_path).with_name("classes.json")

"""The settings that a stage's training began with: its checkpoints do not go on under other ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ssgnet_monai.pipeline.known_names import bundle_ids, root_id

FILE = "trained_with.json"
# Where a training runs, not what it learns.
NEUTRAL = {"bundle_root", "ckpt_dir", "dataset_dir", "device", "micro_batch", "num_workers", "output_dir", "resume"}


def check_settings(
    folder: Path, settings: Mapping[str, Any], bundle: Path, configs: Iterable[str], may_grow: Iterable[str] = ()
) -> dict[str, Any]:
    """The settings of a stage that its training reads, to be written down; once it has checkpoints, refuse others.

    A resumed training would keep what it began with, while its scores would name the new settings.

    Args:
        folder: the stage's own, with its ``state``.
        settings: all settings of the stage.
        bundle: the stage's bundle.
        configs: names of the bundle's configurations that the training reads.
        may_grow: numbers that nothing but the length of the training depends on: larger ones continue it.

    Returns:
        What belongs into ``FILE`` of the folder before the training begins.

    Raises:
        ValueError: other settings than those of the checkpoints; the message names them.
    """
    known = bundle_ids(bundle, tuple(configs)) - NEUTRAL
    ours = json.loads(json.dumps({key: value for key, value in settings.items() if root_id(key) in known}))
    file = folder / FILE
    if file.is_file() and any((folder / "state").rglob("checkpoint_*.pt")):
        found = json.loads(file.read_text(encoding="utf-8"))
        changed = [key for key in sorted(ours.keys() | found.keys()) if ours.get(key) != found.get(key)]
        refused = [key for key in changed if key not in may_grow or not _grows(found.get(key), ours.get(key))]
        if refused:
            before, now = (
                ", ".join(f"{key}: {values.get(key, 'the default')}" for key in refused) for values in (found, ours)
            )
            raise ValueError(
                f"Expected {before}, with which {folder} has been trained so far, got {now}. Give another output_dir, "
                "or remove that folder to train it anew."
            )
    return ours


def _grows(before: Any, now: Any) -> bool:
    return isinstance(before, int | float) and isinstance(now, int | float) and now >= before

"""The settings that a stage's training began with: its checkpoints do not go on under other ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssgnet_monai.pipeline.layout import StageFolder
from ssgnet_monai.pipeline.settings import BundleSettings, merge_layers, root_id, value_of

# Where a training runs, not what it learns.
NEUTRAL = {"bundle_root", "ckpt_dir", "dataset_dir", "device", "micro_batch", "num_workers", "output_dir", "resume"}


@dataclass(frozen=True)
class Trained:
    """What is written down before a training begins; ``path`` is relative to the run's folder."""

    path: Path
    settings: BundleSettings

    def record(self) -> dict[str, Any]:
        """Names of the bundle's configurations that train, and all that was laid over what they hold."""
        known = self.settings.known_ids(all_configs=False) - NEUTRAL
        given = {key: value for key, value in self.settings.given.items() if root_id(key) in known}
        return {"configs": list(self.settings.configs), "settings": json.loads(json.dumps(given))}

    def check(self, run_dir: Path) -> None:
        """Once there are checkpoints, refuse other settings: a resumed training would keep what it began with, while
        its scores would name the new ones. Nothing is written.

        Raises:
            ValueError: other settings than those of the checkpoints; the message names them.
        """
        file = run_dir / self.path
        if not file.is_file() or not StageFolder(file.parent).checkpoints():
            return
        before, now = read_trained(file), self.record()
        if before["configs"] != now["configs"]:
            raise ValueError(_refusal(file.parent, f"configs {before['configs']}", f"{now['configs']}"))
        found, ours = before["settings"], now["settings"]
        changed = [key for key in sorted(ours.keys() | found.keys()) if ours.get(key) != found.get(key)]
        defaults = merge_layers(self.settings.below(0))
        lengths = {key: [given.get(key, value_of(defaults, key)) for given in (found, ours)] for key in changed}
        refused = [key for key in changed if key not in self.settings.may_grow or not _grows(*lengths[key])]
        if refused:
            raise ValueError(_refusal(file.parent, _listed(found, refused), _listed(ours, refused)))


def read_trained(file: Path) -> dict[str, Any]:
    """What a training wrote down: ``configs`` (names) and ``settings`` (id -> value).

    Raises:
        ValueError: the file is none of this version.
    """
    content = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or set(content) != {"configs", "settings"}:
        raise ValueError(f"Expected settings of a training in {file}, got others. Copy the row anew from its run.")
    return content


def _refusal(folder: Path, before: str, now: str) -> str:
    return (
        f"Expected {before}, with which {folder} has been trained so far, got {now}. Give these settings again or "
        "another output_dir, or remove that folder to train it anew."
    )


def _listed(settings: dict[str, Any], keys: list[str]) -> str:
    return ", ".join(f"{key}: {settings.get(key, 'the default')}" for key in keys)


def _grows(before: Any, now: Any) -> bool:
    return isinstance(before, int | float) and isinstance(now, int | float) and now >= before

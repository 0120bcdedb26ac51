"""Brings a served bundle of version 0.1.0 over: today's configurations with its settings, labels and weights."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from ssgnet_monai.bundle_tools.earlier_configs import id_hash, shipped_ids
from ssgnet_monai.bundle_tools.shipped_bundles import copy_bundle, is_earlier_bundle
from ssgnet_monai.bundle_tools.trained_copy import describe, write_config
from ssgnet_monai.data.plain_config import read_plain

STRUCTURES = {"network_def", "optimizer", "lr_scheduler"}
"""What is carried over although it is more than a plain value."""


def move_bundle(bundle: Path) -> Path:
    """Bring a bundle over; it is whole at every moment, and the earlier one stays beside it.

    Args:
        bundle: folder of a copy that `ssgnet bundle copy` made.

    Returns:
        Where the earlier one lies now.

    Raises:
        ValueError: a bundle of today's, a generator's, or one with changes by hand that are more than settings.
        FileExistsError: an earlier move has left something in the way.
    """
    bundle = bundle.expanduser().absolute()
    kept, made = bundle.with_name(f"{bundle.name}_before_move"), bundle.with_name(f".{bundle.name}.moved")
    if not bundle.exists() and kept.exists() and made.exists():  # killed between the two renames
        os.replace(made, bundle)
        return kept
    if not is_earlier_bundle(bundle):
        raise ValueError(f"Expected a bundle of version 0.1.0 in {bundle}, got another. It needs no move.")
    if kept.exists():
        raise FileExistsError(f"Expected nothing at {kept}, where the earlier bundle would go. Move it away.")
    configs = {name: read_plain(bundle / "configs" / f"{name}.yaml") for name in ("train", "inference")}
    if "class_name" in configs["train"]:
        raise ValueError(f"Expected a segmenter or classifier, got a generator in {bundle}. Copy its bundle anew.")
    kind = "classification" if "recipe" in configs["train"] else "segmentation"
    given = {name: _changed(kind, name, content, bundle) for name, content in configs.items()}
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text(encoding="utf-8"))
    labels = metadata["network_data_format"]["outputs"]["pred"]["channel_def"]
    if kind == "segmentation":
        names = {"label_names": list(labels.values()), "num_classes": len(labels)}
        given = {name: {**settings, **names} for name, settings in given.items()}
    shutil.rmtree(made, ignore_errors=True)
    copy_bundle(f"ssgnet_{kind}", made)
    for name, settings in given.items():
        write_config(made, [name], settings, f"{bundle.name} of version 0.1.0, by `ssgnet move`")
    describe(made / "configs" / "metadata.json", labels, given["train"])
    if (bundle / "models").is_dir():
        shutil.copytree(bundle / "models", made / "models")
    os.replace(bundle, kept)
    os.replace(made, bundle)
    return kept


def _changed(kind: str, name: str, content: dict[str, Any], bundle: Path) -> dict[str, Any]:
    """The settings by which a configuration differs from the one that was shipped."""
    shipped = shipped_ids(kind, name)
    changed = {id_: value for id_, value in content.items() if shipped.get(id_) != id_hash(value)}
    structures = [id_ for id_, value in changed.items() if id_ not in STRUCTURES and not _is_plain(value)]
    if structures:
        raise ValueError(
            f"Expected changed settings alone in {bundle / 'configs' / name}.yaml, got other {', '.join(structures)} "
            f"than version 0.1.0 shipped. Make a new copy with `ssgnet bundle copy ssgnet_{kind} DIR` and change it "
            "there by hand; the weights in models/ stay what they are."
        )
    return changed


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return not isinstance(value, dict) and not (isinstance(value, str) and value.startswith(("$", "@", "%")))

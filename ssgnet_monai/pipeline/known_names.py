"""Names that settings may have: an unknown one is refused with the nearest known one."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

import yaml

from ssgnet_monai.data.datasets import adapters
from ssgnet_monai.data.datasets.registry import adapter_options
from ssgnet_monai.data.phantom import write_phantom
from ssgnet_monai.data.prepare.folder import prepare_folder
from ssgnet_monai.data.prepare.write_dataset import write_dataset

# What the pipeline itself tells `ssgnet data` (image_size, the run's folder), and what the other options make.
OWN_OPTIONS = {"out", "size", "name", "sources", "options", "group_source", "class_order", "notes"}


def check_names(names: Iterable[str], known: Iterable[str], where: str) -> None:
    """Refuse the first unknown name.

    Args:
        names: what was given.
        known: what there is.
        where: file or group of settings, for the message.

    Raises:
        ValueError: an unknown name; the message lists the known ones and says which is nearest.
    """
    known = sorted(known)
    for name in names:
        if name not in known:
            raise ValueError(f"Expected keys {known} in {where}, got {name!r}.{nearest(str(name), known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """``" Did you mean 'steps'?"``, or nothing where no known name is near."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f" Did you mean {near[0]!r}?" if near else ""


def check_bundle_settings(settings: Iterable[str], bundle: Path, where: str) -> None:
    """Refuse settings that no configuration of a bundle reads; MONAI itself takes them and ignores them.

    Args:
        settings: ids like ``steps`` or ``network_def#dims``.
        bundle: the bundle's folder.
        where: for the message.

    Raises:
        ValueError: an unknown id.
    """
    check_names(map(root_id, settings), bundle_ids(bundle), where)


def prepare_options(dataset: str) -> list[str]:
    """Options of ``ssgnet data`` that an experiment's ``prepare`` group may give for a dataset."""
    if dataset in (known := adapters()):
        return sorted(set(adapter_options(known[dataset])) - OWN_OPTIONS)
    functions: list[Callable] = [write_phantom] if dataset == "phantom" else [prepare_folder, write_dataset]
    options = {name for function in functions for name in inspect.signature(function).parameters} - OWN_OPTIONS
    return sorted(options - {"split"} if dataset == "phantom" else options)


@lru_cache
def bundle_ids(bundle: Path, names: tuple[str, ...] = ("*",)) -> frozenset[str]:
    """Ids at the root of a bundle's configurations of these names."""
    files = sorted(file for name in names for file in (bundle / "configs").glob(f"{name}.yaml"))
    return frozenset(root_id(key) for file in files for key in yaml.safe_load(file.read_text(encoding="utf-8")))


def root_id(key: str) -> str:
    """The first part of an id: ``network_def#dims`` -> ``network_def``."""
    return re.split("#|::", str(key))[0]

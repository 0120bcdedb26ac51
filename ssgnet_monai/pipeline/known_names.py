"""Names that settings may have: an unknown one is refused with the nearest known one."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from ssgnet_monai.data.datasets import adapters
from ssgnet_monai.data.datasets.registry import adapter_options
from ssgnet_monai.data.key_values import words_of
from ssgnet_monai.data.phantom import write_phantom
from ssgnet_monai.data.phantom_volume import write_phantom_volumes
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


def checked_settings(settings: Mapping[str, Any], bundle: Path, where: str) -> dict[str, Any]:
    """Refuse settings that no configuration of a bundle reads; MONAI itself takes them and ignores them.

    Args:
        settings: by ids like ``steps`` or ``network_def#dims``.
        bundle: the bundle's folder.
        where: for the message.

    Returns:
        The settings; ``1e-4``, which is text in YAML, is a number where the bundle has one.

    Raises:
        ValueError: an unknown id, or text in the place of a number.
    """
    check_names(map(root_id, settings), bundle_ids(bundle), where)
    defaults, found = _defaults(bundle), dict(settings)
    for key, value in settings.items():
        default = defaults.get(key)
        number = isinstance(default, int | float) and not isinstance(default, bool)
        if number and isinstance(value, str) and not value.startswith(("$", "@", "%")):
            try:
                found[key] = float(value)
            except ValueError as error:
                message = f"Expected a number for {key} in {where}, such as {default}, got {value!r}."
                raise ValueError(message) from error
    return found


def prepare_options(dataset: str) -> list[str]:
    """Options of ``ssgnet data`` that an experiment's ``prepare`` group may give for a dataset."""
    if dataset in (known := adapters()):
        return sorted(set(adapter_options(known[dataset])) - OWN_OPTIONS)
    drawn: list[Callable] = [write_phantom, write_phantom_volumes]
    functions = drawn if dataset == "phantom" else [prepare_folder, write_dataset]
    options = {name for function in functions for name in inspect.signature(function).parameters} - OWN_OPTIONS
    return sorted(options - {"split"} if dataset == "phantom" else options)


@lru_cache
def text_options() -> dict[str, bool]:
    """Options of any preparation that are paths or names, and whether they may be null."""
    functions: list[Callable] = [prepare_folder, write_dataset, write_phantom, write_phantom_volumes]
    functions += [adapter.read for adapter in adapters().values()]
    kinds: dict[str, list[set[str]]] = {}
    for function in functions:
        for name, parameter in inspect.signature(function).parameters.items():
            kinds.setdefault(name, []).append(words_of(parameter.annotation))
    return {
        name: any("None" in words for words in found)
        for name, found in kinds.items()
        if all(words <= {"str", "Path", "Lists", "None"} for words in found)
    }


@lru_cache
def bundle_ids(bundle: Path, names: tuple[str, ...] = ("*",)) -> frozenset[str]:
    """Ids at the root of a bundle's configurations of these names."""
    return frozenset(map(root_id, _defaults(bundle, names)))


@lru_cache
def _defaults(bundle: Path, names: tuple[str, ...] = ("*",)) -> dict[str, Any]:
    files = sorted(file for name in names for file in (bundle / "configs").glob(f"{name}.yaml"))
    return {key: value for file in files for key, value in yaml.safe_load(file.read_text(encoding="utf-8")).items()}


def root_id(key: str) -> str:
    """The first part of an id: ``network_def#dims`` -> ``network_def``."""
    return re.split("#|::", str(key))[0]

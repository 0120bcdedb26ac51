"""Names that settings may have: an unknown one is refused with the nearest known one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import lru_cache

from ssgnet_monai.data.datasets import adapters
from ssgnet_monai.data.datasets.registry import adapter_options
from ssgnet_monai.data.key_values import words_of
from ssgnet_monai.data.names import nearest
from ssgnet_monai.data.phantom import write_phantom
from ssgnet_monai.data.phantom_volume import write_phantom_volumes
from ssgnet_monai.data.prepare.folder import prepare_folder
from ssgnet_monai.data.prepare.preparation import OPTIONS

# What the pipeline itself tells `ssgnet data` (image_size, the run's folder), and what the other options make.
OWN_OPTIONS = {"out", "size", "name", "options", "group_source", "class_order"}


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


def prepare_options(dataset: str) -> list[str]:
    """Options of ``ssgnet data`` that an experiment's ``prepare`` group may give for a dataset."""
    if dataset in (known := adapters()):
        return sorted(set(adapter_options(known[dataset])) - OWN_OPTIONS)
    functions: list[Callable] = [write_phantom, write_phantom_volumes] if dataset == "phantom" else [prepare_folder]
    options = {name for function in functions for name in inspect.signature(function).parameters} - OWN_OPTIONS
    return sorted(options if dataset == "phantom" else options | (OPTIONS.keys() - OWN_OPTIONS))


@lru_cache
def text_options() -> dict[str, bool]:
    """Options of any preparation that are paths or names, and whether they may be null."""
    functions: list[Callable] = [prepare_folder, write_phantom, write_phantom_volumes]
    functions += [adapter.read for adapter in adapters().values()]
    kinds = {name: [words_of(annotation)] for name, annotation in OPTIONS.items()}
    for function in functions:
        for name, parameter in inspect.signature(function).parameters.items():
            kinds.setdefault(name, []).append(words_of(parameter.annotation))
    return {
        name: any("None" in words for words in found)
        for name, found in kinds.items()
        if all(words <= {"str", "Path", "Lists", "Labels", "LabelMap", "Folders", "None"} for words in found)
    }

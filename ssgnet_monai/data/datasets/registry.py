"""The adapters by name."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.names import nearest
from ssgnet_monai.data.prepare.output_folder import check_apart
from ssgnet_monai.data.prepare.preparation import NO_GROUPS, OPTIONS, preparation_of
from ssgnet_monai.data.prepare.write_dataset import write_dataset

# Modules of this package, each with ``ADAPTERS``.
MODULES = (
    "acdc",
    "brain_tumor",
    "brats2019",
    "cbis_ddsm",
    "chest_xray",
    "glas",
    "hmeps",
    "isic",
    "kvasir_seg",
    "la2018",
    "medmnist",
    "pancreas_ct",
    "ph2",
)
STAGING = "staging"
OWN_OPTIONS = {"group_source", "class_order"}
# What an option may be, by the words of its annotation.
KINDS: dict[str, tuple[type, ...]] = {
    "str": (str, Path),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "None": (type(None),),
    "Lists": (str, Path, Mapping),
    "Sequence[int]": (list, tuple),
}


def adapters() -> dict[str, Adapter]:
    """Every adapter by its name."""
    modules = [importlib.import_module(f"ssgnet_monai.data.datasets.{module}") for module in MODULES]
    return {adapter.name: adapter for module in modules for adapter in module.ADAPTERS}


def find_adapter(name: str) -> Adapter:
    """The adapter of a dataset.

    Raises:
        ValueError: there is none of this name; the nearest is told.
    """
    known = adapters()
    if name not in known:
        raise ValueError(
            f"Expected one of the datasets {sorted(known)}, got {name!r}."
            + (nearest(name, known) or " Your own folder needs no name: give --images.")
        )
    return known[name]


def adapter_options(adapter: Adapter) -> list[str]:
    """Names of the options that ``prepare_dataset`` takes for an adapter."""
    return sorted({*adapter.read_options, *OPTIONS} - OWN_OPTIONS)


def option_annotation(adapter: Adapter, key: str) -> str:
    """What an option of an adapter may be, as its function says; empty for an unknown one."""
    if key in (parameters := inspect.signature(adapter.read).parameters):
        return str(parameters[key].annotation)
    return OPTIONS.get(key, "")


def prepare_dataset(name: str, source: str | Path, out: str | Path, options: Mapping[str, Any]) -> Path:
    """Prepare a public dataset from its owner's folder.

    Args:
        name: of the adapter.
        source: the folder as downloaded and unpacked.
        out: folder to write, see ``write_dataset``.
        options: of the adapter's ``read``, and of a ``Preparation``.

    Returns:
        The path of ``datalist.json``.

    Raises:
        FileNotFoundError: the folder or a part of it is missing.
        ValueError: an unknown name or option, or a folder that disagrees with what is known of the dataset.
    """
    adapter = find_adapter(name)
    source, out = Path(source).expanduser(), Path(out)
    if not source.is_dir():
        found = "a file. Unpack an archive, and name the folder" if source.exists() else "none. See `ssgnet data list`"
        raise FileNotFoundError(f"Expected the folder of {name} at {source}, found {found}.")
    check_apart(out, source)
    known = adapter_options(adapter)
    for key in options:
        if key not in known:
            raise ValueError(f"Expected options {known} for {name}, got {key!r}.{nearest(key, known)}")
    read_options = {key: value for key, value in options.items() if key in adapter.read_options}
    _check_kinds(adapter, read_options)
    write_options = {key: value for key, value in options.items() if key not in read_options}
    sources = adapter.read(source, out / STAGING, **read_options)
    grouped = any(image.group is not None for image in sources)
    settings: dict[str, Any] = {
        "name": name,
        "modality": adapter.modality,
        "group_source": (grouped and adapter.group_source) or NO_GROUPS,
    }
    return write_dataset(sources, out, preparation_of({**settings, **adapter.options, **write_options}))


def _check_kinds(adapter: Adapter, options: Mapping[str, Any]) -> None:
    """Refuse an option of another type: ``crop=flase`` would be as good as true."""
    for key, value in options.items():
        words = str(inspect.signature(adapter.read).parameters[key].annotation).split(" | ")
        if not any(isinstance(value, KINDS[word]) and isinstance(value, bool) <= (word == "bool") for word in words):
            raise ValueError(f"Expected {' or '.join(words)} as {key} of {adapter.name}, got {value!r}.")

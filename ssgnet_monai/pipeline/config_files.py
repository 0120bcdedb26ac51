"""The YAML files that an experiment names: of datasets, networks and profiles, shipped ones or the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssgnet_monai.data.key_values import KEY, read_yaml
from ssgnet_monai.data.key_values import Path as Keys
from ssgnet_monai.data.names import nearest
from ssgnet_monai.data.text_file import read_text
from ssgnet_monai.pipeline.known_names import text_options
from ssgnet_monai.shipped import CONFIGS

KINDS = {"dataset": "datasets", "network": "networks", "profile": "profiles"}
"""What an experiment calls a file -> the folder of ``configs`` where the shipped ones lie."""
PARTED = {("profile", "unet_cpu"): "network: unet with profile: segmentation_cpu"}
"""Files of earlier versions -> what holds their settings now."""


def config_file(kind: str, name: str) -> Path:
    """Path of a shipped file; a name that ends in .yaml is a path of its own.

    Args:
        kind: "dataset", "network" or "profile".
        name: name of the file without its ending.

    Raises:
        ValueError: there is no such file.
    """
    folder = CONFIGS / KINDS[kind]
    path = Path(name).absolute() if name.endswith(".yaml") else folder / f"{name}.yaml"
    if not path.is_file():
        known = sorted(file.stem for file in folder.glob("*.yaml"))
        now = PARTED.get((kind, name))
        hint = f" It is {now} now: give the row these two." if now else nearest(name, known)
        raise ValueError(f"Expected one of the {KINDS[kind]} {known} or the path of a .yaml file, got {name!r}.{hint}")
    return path


def read_config(kind: str, name: str) -> dict[str, Any]:
    """Content of a dataset, network or profile file, see :func:`config_file`."""
    file = config_file(kind, name)
    wants = wants_text if kind == "dataset" else (lambda _: False)
    return dict(mapping(read_yaml(read_text(file), str(file), wants) or {}, str(file)))


def networks_of(spatial_dims: int) -> list[str]:
    """Names of the shipped networks for data of so many dimensions; the file of one for 2 or 3 alone says so."""
    files = {file.stem: read_config("network", file.stem) for file in sorted((CONFIGS / "networks").glob("*.yaml"))}
    found = {name: file.get("spatial_dims", spatial_dims) for name, file in files.items() if "network_def" in file}
    return [name for name, dims in found.items() if dims == spatial_dims]


def wants_text(keys: Keys) -> bool:
    """Whether an option of preparation is a path or a name, so that ``007`` and ``yes`` are text, as keys are."""
    return keys[-1:] == (KEY,) or (keys[:1] == ("prepare",) and len(keys) > 1 and keys[1] in text_options())


def mapping(content: Any, where: str) -> Mapping[str, Any]:
    """The content, if it is a group of settings.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"Expected a group of settings in {where}, got {content!r}.")
    return content

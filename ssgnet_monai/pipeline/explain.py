"""``ssgnet run EXPERIMENT --explain KEY``: which layer gave a setting its value, and what the others say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from ssgnet_monai.data.names import nearest
from ssgnet_monai.pipeline.experiment import ROWS
from ssgnet_monai.pipeline.settings import ABSENT, BundleSettings, Layer, root_id, settings_of


def explain_setting(experiment: Mapping[str, Any], key: str, file: Mapping[str, Any] | None = None) -> str:
    """A paragraph for every generator or row that has the setting: its value, and the layers from the top down.

    Args:
        experiment: the resolved experiment.
        file: the same without the words of the command line, so that these can be told apart; None: there are none.
        key: an id such as ``steps`` or ``network_def#channels``, or one of a single row: ``segmentation.unet.steps``.

    Raises:
        ValueError: no stage has such a setting; the nearest one is named.
    """
    rows = [("synthesis", None)] if experiment["synthesis"] is not None else []
    rows += [(group, name) for group in ROWS for name in experiment[group]]
    settings = {".".join(filter(None, row)): _parted(experiment, file or experiment, *row) for row in rows}
    chosen = next((where for where in sorted(settings, key=len, reverse=True) if key.startswith(f"{where}.")), None)
    if chosen is not None:
        settings, key = {chosen: settings[chosen]}, key.removeprefix(f"{chosen}.").removeprefix("config.")
    found = {where: said for where, one in settings.items() if (said := one.explain(key))}
    if not found:
        known = sorted({id_ for one in settings.values() for id_ in one.merged})
        raise ValueError(
            f"Expected a setting of {', '.join(settings)} such as steps or network_def#channels, got {key!r}."
            f"{nearest(root_id(key), known)}"
        )
    return "\n\n".join(_paragraph(where, key, found[where], settings[where]) for where in found)


def _parted(experiment: Mapping[str, Any], file: Mapping[str, Any], group: str, name: str | None) -> BundleSettings:
    """Settings whose layers hold what the file says, and over it what the command line says otherwise."""
    settings, layers = settings_of(experiment, group, name), list[Layer]()
    of_file = settings_of(file, group, name).layers if file[group] else ()
    names = {layer.name for layer in of_file}
    for layer in settings.layers:
        said = next((other.content for other in of_file if other.kind == layer.kind), {})
        words = {key: value for key, value in layer.content.items() if key not in said or said[key] != value}
        if layer.kind in ("experiment", "row") and words:
            layers += [replace(layer, content=said), Layer("command line", "command line", words)]
        else:  # a file or a budget
            layers.append(layer if layer.name in names else replace(layer, name=f"{layer.name} (command line)"))
    return replace(settings, layers=tuple(layers))


def _paragraph(where: str, key: str, said: list[tuple[str, Any]], settings: BundleSettings) -> str:
    values = [(_text(value), name) for name, value in reversed(said)]
    width = max(len(value) for value, _ in values)
    lines = [f"  {value:<{width}}  {name}" for value, name in values]
    lines[0] += "  <- this one counts" if len(lines) > 1 else ""
    return "\n".join([f"{where}: {key} = {values[0][0]}", *lines])


def _text(value: Any) -> str:
    if value is ABSENT:
        return "(not set)"
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return " ".join(text.removesuffix("...\n").split())

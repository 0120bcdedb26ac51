"""Refuses settings that no configuration of a bundle reads: MONAI itself takes them and ignores them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ssgnet_monai.bundle_tools.own_code import refuse_code
from ssgnet_monai.pipeline.config_files import networks_of
from ssgnet_monai.pipeline.known_names import check_names
from ssgnet_monai.pipeline.methods import METHODS
from ssgnet_monai.pipeline.settings import (
    BUNDLE_OF,
    VOLUMES,
    BundleSettings,
    Layer,
    bundle_ids,
    merge_layers,
    root_id,
    value_of,
)

OF_DATASETS = {"dataset_name", "prepare"}
"""What a dataset file holds beside ids of the bundles."""


OTHERS = [(method.overlays, f"method {name!r}", f"the row `method: {name}`") for name, method in METHODS.items()]
OTHERS += [((VOLUMES,), "whole volumes", f"the experiment `prepare.form: {VOLUMES}`")]
"""Configurations that not every row of segmentation reads: names, whose they are, and what makes a row read them."""


def checked_row(settings: BundleSettings, trusted: bool) -> dict[str, Any]:
    """Hold every layer of a stage against the bundle.

    Args:
        settings: of a row, see ``settings_of``.
        trusted: whether settings may name code that `ssgnet verify` does not know.

    Returns:
        The row's ``config``; ``1e-4``, which is text in YAML, is a number where a layer below has one.

    Raises:
        ValueError: an unknown id, text in the place of a number, an id inside something that is not there, code, or a
            network of other dimensions than the data.
    """
    row: dict[str, Any] = {}
    for index, layer in enumerate(settings.layers):
        where = str(layer.file or layer.name)
        _check_ids(layer, where, settings)
        numbers = _with_numbers(layer, where, settings.below(index))
        if layer.file is not None and (text := [key for key in numbers if numbers[key] != layer.content[key]]):
            raise ValueError(
                f"Expected a number for {text[0]} in {where}, got the text {layer.content[text[0]]!r}. YAML wants a "
                f"point in it: {numbers[text[0]]:.1e}."
            )
        beside = {other.file: other.content for other in settings.layers if other.file and other is not layer}
        merged = [merge_layers(one.below(index + 1)) for one in _commands(settings)]
        refuse_code(layer.content, settings.bundle, where, trusted, beside, merged)
        if layer.kind == "row":
            row = numbers
    if settings.bundle == BUNDLE_OF["segmentation"]:
        _check_dimensions(settings)
    return row


def _commands(settings: BundleSettings) -> list[BundleSettings]:
    """The settings over the configurations of each command of the stage; training adds nothing to those of scoring."""
    names = [settings.evaluated]
    if settings.bundle == BUNDLE_OF["synthesis"]:
        names.append(settings.inferred)
    return [replace(settings, configs=configs) for configs in names]


def _check_dimensions(settings: BundleSettings) -> None:
    dims, wanted = settings.merged["spatial_dims"], 3 if VOLUMES in settings.configs else 2
    own = value_of(settings.merged, "network_def#spatial_dims", dims)
    found = dims if own == "@spatial_dims" else own
    if isinstance(found, int) and found != wanted:
        layer = next((layer.name for layer in reversed(settings.layers) if layer.kind == "network"), "network_def")
        data, other = ("whole volumes", "slices") if wanted == 3 else ("pictures or slices", VOLUMES)
        raise ValueError(
            f"Expected a network of {wanted} dimensions, as the data are {data}, got {layer}, of {found}. Take one of "
            f"{', '.join(networks_of(wanted))}, or prepare.form: {other}."
        )


def _check_ids(layer: Layer, where: str, settings: BundleSettings) -> None:
    ids = list(map(root_id, layer.content))
    if layer.kind == "dataset":
        check_names(ids, OF_DATASETS.union(*map(bundle_ids, BUNDLE_OF.values())), where)
        return
    if settings.bundle == BUNDLE_OF["segmentation"]:
        read = bundle_ids(settings.bundle, (*settings.configs, "evaluate"))
        for names, owner, remedy in OTHERS:
            theirs = [id_ for id_ in ids if id_ in bundle_ids(settings.bundle, names) - read]
            if theirs and layer.kind == "row":
                raise ValueError(
                    f"Expected settings of the row's own training in {where}, got {theirs[0]!r}, which is one of "
                    f"{owner}. Give {remedy}, or take it out."
                )
    check_names(ids, settings.known_ids(), where)


def _with_numbers(layer: Layer, where: str, below: list[Layer]) -> dict[str, Any]:
    merged, found = merge_layers(below), dict(layer.content)
    for key, value in layer.content.items():
        default = value_of(merged, key)
        number = isinstance(default, int | float) and not isinstance(default, bool)
        if number and isinstance(value, str) and not value.startswith(("$", "@", "%")):
            try:
                found[key] = float(value)
            except ValueError as error:
                message = f"Expected a number for {key} in {where}, such as {default}, got {value!r}."
                raise ValueError(message) from error
    return found

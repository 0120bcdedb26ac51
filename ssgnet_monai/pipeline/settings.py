"""What a stage is run with: a bundle's configurations, and what an experiment lays over them, layer by layer.

From the bottom: the bundle's own files, the dataset's, the network's, the profile's, what the experiment gives to all
its stages, the row's ``config``, and the budget. A later layer wins, id by id, by MONAI's own merge.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser
from monai.bundle.utils import merge_kv

from ssgnet_monai.data.plain_config import read_plain
from ssgnet_monai.pipeline.config_files import config_file, mapping, read_config
from ssgnet_monai.pipeline.methods import METHODS
from ssgnet_monai.shipped import BUNDLES

BUNDLE_OF = {group: BUNDLES / f"ssgnet_{group}" for group in ("synthesis", "segmentation", "classification")}
"""Groups of an experiment -> the bundle that their stages run."""
VOLUMES = "volumes"
"""The bundle's configuration for whole volumes, and the form in which they are prepared."""
ABSENT = object()
LEAST = {"kimg": 0.032, "tick_kimg": 0.016, "steps": 2, "pretrain_steps": 2, "epoch_length": 1}
"""Settings that the budget multiplies, and what is left of each at least."""
LENGTHS = {"kimg", "steps", "pretrain_steps"}
"""Those of them that it multiplies where no layer gives them, too."""


@dataclass(frozen=True)
class Layer:
    """Settings by id; ``kind`` is what they are of, ``name`` what a person calls it, ``file`` where they are a file."""

    kind: str
    name: str
    content: Mapping[str, Any]
    file: Path | None = None


@dataclass(frozen=True)
class BundleSettings:
    """The settings of one stage.

    ``configs`` are the bundle's configurations that train, ``may_grow`` the settings of which a larger number continues
    a training.
    """

    bundle: Path
    configs: tuple[str, ...]
    layers: tuple[Layer, ...]
    run_id: str = "run"
    may_grow: tuple[str, ...] = ()

    @cached_property
    def merged(self) -> dict[str, Any]:
        """Everything by id at the root, as the training reads it; expressions stay text.

        Raises:
            ValueError: a layer changes something inside an id that is not there.
        """
        return merge_layers(self.below(len(self.layers)))

    @property
    def evaluated(self) -> tuple[str, ...]:
        """The bundle's configurations that score: over those that train, since settings may lie inside any of them."""
        return (*self.configs, "evaluate")

    @property
    def inferred(self) -> tuple[str, ...]:
        """The bundle's configurations that run what was trained."""
        return (*self.configs, "inference")

    @cached_property
    def given(self) -> dict[str, Any]:
        """What the layers above the bundle set, by id, with the values that won; in no need of an order."""
        ids = {_parts(key) for layer in self.layers for key in layer.content}
        outermost = sorted(id_ for id_ in ids if not any(id_ != other and _within(id_, other) for other in ids))
        return {key: value_of(self.merged, key) for key in map("#".join, outermost)}

    @property
    def sha256(self) -> str:
        """Hash of what is run: the names of the configurations, and everything that was laid over them."""
        content = json.dumps([self.bundle.name, self.configs, self.given], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def own(self) -> dict[str, Any]:
        """The settings that are no file yet: they belong into the stage's own configuration."""
        return {key: value for layer in self.layers if layer.file is None for key, value in layer.content.items()}

    def known_ids(self, all_configs: bool = True) -> set[str]:
        """Ids at the root of the bundle's configurations, and those that any layer refers to.

        Args:
            all_configs: of every configuration of the bundle; False: of those that train.
        """
        names = None if all_configs else self.configs
        texts = json.dumps([layer.content for layer in self.layers], default=str)
        return {*bundle_ids(self.bundle, names), *re.findall(r"[@%](\w+)", texts)}

    def explain(self, key: str) -> list[tuple[str, Any]]:
        """Which layers say something about an id: name and value, from the bundle's up; the last one won.

        Args:
            key: such as ``steps`` or ``network_def#channels``.

        Returns:
            Nothing where no layer sets it; ``ABSENT`` is the value of a layer that takes away what a lower one set.
        """
        wanted, found, below = _parts(key), list[tuple[str, Any]](), list[Layer]()
        for layer in self.below(len(self.layers)):
            below.append(layer)
            ids = [_parts(name) for name in layer.content]
            if any(_within(wanted, id_) or _within(id_, wanted) for id_ in ids):
                value = value_of(merge_layers(below), key, ABSENT)
                if found or value is not ABSENT:
                    found.append((layer.name, value))
        return found

    def below(self, index: int) -> list[Layer]:
        """The bundle's configurations and the first ``index`` layers over them."""
        files = {name: self.bundle / "configs" / f"{name}.yaml" for name in self.configs}
        bundle = [Layer("bundle", f"{n}.yaml of {self.bundle.name}", _content(file), file) for n, file in files.items()]
        return [*bundle, *self.layers[:index]]


def settings_of(
    experiment: Mapping[str, Any], group: str, row: str | None = None, given: Mapping[str, Any] | None = None
) -> BundleSettings:
    """The settings of a generator, or of a row.

    Args:
        experiment: the resolved experiment.
        group: "synthesis", "segmentation" or "classification".
        row: name of the row in its group; None for synthesis.
        given: what the pipeline gives to the stage: folders, seed, class. The row's own ``config`` wins over it.
    """
    stage = experiment[group] if row is None else experiment[group][row]
    where = group if row is None else f"{group}.{row}"
    method = METHODS[stage["method"]] if group == "segmentation" else METHODS["supervised"]
    layers = [
        Layer(kind, f"{kind} {name}", read_config(kind, name), config_file(kind, name))
        for kind, name in (("dataset", experiment["dataset"]), *((k, stage.get(k)) for k in ("network", "profile")))
        if name
    ]
    own = {"image_size": experiment["image_size"]}
    own |= {key: stage[key] for key in ("num_labeled", "labeled_list") if stage.get(key) is not None}
    layers.append(Layer("experiment", "the experiment", {**own, **(given or {})}))
    layers.append(Layer("row", f"{where}.config", mapping(stage["config"], f"{where}.config")))
    may_grow = ("kimg",) if group == "synthesis" else method.may_grow
    form = prepare_settings(experiment).get("form")
    volumes = (VOLUMES,) if group == "segmentation" and form == VOLUMES else ()
    configs = ("train", *volumes, *method.overlays)
    settings = BundleSettings(BUNDLE_OF[group], configs, tuple(layers), method.run_id, may_grow)
    return _under_budget(settings, experiment["budget"])


def prepare_settings(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the preparation: those of the dataset's file, and over them the experiment's."""
    options = {**read_config("dataset", experiment["dataset"]).get("prepare", {}), **experiment["prepare"]}
    if experiment["dataset"] == "phantom" and options.get("volumes"):
        return {"form": VOLUMES, **{key: value for key, value in options.items() if key != "num_images"}}
    return options


def merge_layers(layers: Sequence[Layer]) -> dict[str, Any]:
    """Merge settings by id as MONAI merges configuration files.

    Raises:
        ValueError: a layer changes something inside an id that is not there.
    """
    parser = ConfigParser(config={})
    for layer in layers:
        for key, value in copy.deepcopy(dict(layer.content)).items():
            try:
                merge_kv(parser, str(key), value)
            except (KeyError, ValueError, IndexError, TypeError) as error:
                raise ValueError(
                    f"Expected the id {key!r} of {layer.name} to lie inside what the layers below it hold, found no "
                    f"such place ({error}). Give the whole of {_parts(key)[0]!r}, or mend the id."
                ) from error
    return dict(parser.get())


@lru_cache
def bundle_ids(bundle: Path, names: tuple[str, ...] | None = None) -> frozenset[str]:
    """Ids at the root of a bundle's configurations of these names; None: of all."""
    folder = bundle / "configs"
    files = sorted(folder.glob("*.yaml")) if names is None else [folder / f"{name}.yaml" for name in names]
    return frozenset(root_id(key) for file in files for key in _content(file))


def root_id(key: str) -> str:
    """The first part of an id: ``network_def#dims`` -> ``network_def``."""
    return _parts(key)[0]


def value_of(content: Any, key: str, default: Any = None) -> Any:
    """The value of an id such as ``network_def#channels``, or ``default`` where there is none."""
    for part in _parts(key):
        if isinstance(content, list) and part.isdigit() and int(part) < len(content):
            content = content[int(part)]
        elif isinstance(content, dict) and part in content:
            content = content[part]
        else:
            return default
    return content


def _under_budget(settings: BundleSettings, budget: float) -> BundleSettings:
    if budget == 1:
        return settings
    scaled: dict[str, Any] = {}
    for key, least in LEAST.items():
        value = settings.merged.get(key)
        if isinstance(value, int | float) and (key in LENGTHS or key in settings.given):
            scaled[key] = max(least, round(value * budget) if isinstance(least, int) else value * budget)
    layer = Layer("budget", f"budget {budget:g}", scaled)
    return replace(settings, layers=(*settings.layers, layer))


@lru_cache
def _content(file: Path) -> dict[str, Any]:
    return dict(read_plain(file))


def _parts(key: str) -> tuple[str, ...]:
    return tuple(re.split("#|::", str(key).removeprefix("+")))


def _within(inner: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    return inner[: len(outer)] == outer

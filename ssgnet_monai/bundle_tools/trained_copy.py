"""A bundle with the weights and settings of a finished run: what `ssgnet label start` and others can serve."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ssgnet_monai.bundle_tools.own_code import refuse_code
from ssgnet_monai.bundle_tools.shipped_bundles import copy_bundle
from ssgnet_monai.data.atomic_write import atomic_path
from ssgnet_monai.data.datalist import read_header
from ssgnet_monai.data.plain_config import read_plain
from ssgnet_monai.data.tensor_file import check_tensors
from ssgnet_monai.pipeline.layout import StageFolder, run_around
from ssgnet_monai.pipeline.settings import VOLUMES, Layer, merge_layers, root_id
from ssgnet_monai.pipeline.trained_settings import read_trained

BESIDE = ("classes.json", "generator.json")
"""Beside the weights: the class names of a classifier, and what a generator was trained on."""
GROUPS = {"generators": "synthesis"}
"""Folder of a run -> the stage, where they differ."""
OF_THE_DATA = ("intensity_window", "voxel_window", "voxel_spacing")
OF_THE_EXPERIMENT = ("num_labeled", "labeled_by", "labeled_list", "to_beat", "pretrained", "pretrained_encoder")
"""What limited the experiment's own data or began its training, not what is trained with afterwards."""
OF_TRAINING = ("train", "validate")


def copy_trained(name: str, row: Path, target: Path, trust_code: bool = False) -> Path:
    """Copy a shipped bundle with the weights of one row and seed of `ssgnet run`, its configs set as in that training.

    The settings and the overlays of the dimension are merged into ``train.yaml`` and ``inference.yaml`` as MONAI merges
    files, so that the copy depends on no other file.

    Args:
        name: of the bundle.
        row: the row's folder, such as ``runs/NAME/segmentation/ROW/seed0``.
        target: new folder.
        trust_code: whether the row's settings may name code that `ssgnet verify` does not know.

    Returns:
        The absolute path of the copy.

    Raises:
        FileNotFoundError: the row is not finished.
        ValueError: no such bundle, a row of another one, or damaged weights.
        FileExistsError: something is at ``target``.
    """
    stage = StageFolder(row)
    for file in (stage.model, stage.trained_with, stage.config):
        if not file.is_file():
            raise FileNotFoundError(
                "Expected the folder of a finished row, such as runs/NAME/segmentation/ROW/seed0, found no "
                f"{file.name} in {row}."
            )
    check_tensors(stage.model)
    run = run_around(row)
    place = row.absolute().relative_to(run.root.absolute())
    kind = GROUPS.get(place.parts[0], place.parts[0])
    if not name.endswith(f"_{kind}"):
        raise ValueError(f"Expected a row of {name}, got {place} in {run.root}: its bundle is ssgnet_{kind}.")
    datalist, trained = read_header(run.datalist), read_trained(stage.trained_with)
    given = {key: value for key, value in trained["settings"].items() if root_id(key) not in OF_THE_EXPERIMENT}
    given |= {key: datalist[key] for key in OF_THE_DATA if key in datalist}
    if kind == "segmentation":
        names = [label for _, label in sorted(datalist["labels"].items(), key=lambda pair: int(pair[0]))]
        given |= {"label_names": names, "num_classes": len(names)}
    copy = copy_bundle(name, target)
    try:
        volumes = VOLUMES in trained["configs"]
        origin = f"{place.as_posix()}, by `ssgnet bundle copy --trained`"
        trains = write_config(copy, ["train", *([VOLUMES] if volumes else [])], given, origin)
        served = {key: value for key, value in given.items() if root_id(key) not in OF_TRAINING}
        serves = write_config(copy, ["inference", *([f"{VOLUMES}_inference"] if volumes else [])], served, origin)
        refuse_code(given, copy, str(stage.trained_with), trust_code, merged=[trains, serves])
        labels = datalist["labels"] if kind == "segmentation" else dict(enumerate(datalist["classes"]))
        if kind != "synthesis":
            describe(copy / "configs" / "metadata.json", labels, given)
        (copy / "models").mkdir()
        for source in (stage.model, *(row / name for name in BESIDE)):
            if source.is_file():
                with atomic_path(copy / "models" / source.name) as temporary:
                    shutil.copyfile(source, temporary)
    except BaseException:
        shutil.rmtree(copy)
        raise
    return copy


def with_settings(configs: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Configurations merged with settings, of which those are passed by that nothing in them would read.

    Args:
        configs: name -> content, in their order.
        given: values by id; nested ones like ``network_def#channels``.
    """
    layers = [Layer("bundle", name, content) for name, content in configs.items()]
    known = {root_id(key) for content in configs.values() for key in content}
    kept: dict[str, Any] = {}
    while wanted := {key: value for key, value in given.items() if root_id(key) in known and key not in kept}:
        kept |= wanted
        known |= set(re.findall(r"[@%](\w+)", json.dumps(wanted)))
    return merge_layers([*layers, Layer("row", "the row", {key: kept[key] for key in given if key in kept})])


def write_config(bundle: Path, names: Sequence[str], given: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Merge configurations of a bundle and settings into the first of them.

    Args:
        bundle: folder of the bundle.
        names: of its configurations, in their order.
        given: see :func:`with_settings`.
        source: where the settings come from, for the first line.

    Returns:
        What is written.
    """
    folder = bundle / "configs"
    content = with_settings({name: read_plain(folder / f"{name}.yaml") for name in names}, given)
    files = " and ".join(f"{name}.yaml" for name in names)
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    head = f"# {files} with the settings of {source}.\n"
    (folder / f"{names[0]}.yaml").write_text(head + text, encoding="utf-8")
    return content


class _Dumper(yaml.SafeDumper):
    """Writes a value that stands in two places twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def describe(path: Path, labels: Mapping[Any, str], settings: Mapping[str, Any]) -> None:
    """Write a bundle's labels, network, channels and dimensions into its ``metadata.json``."""
    metadata = json.loads(path.read_text(encoding="utf-8"))
    formats, patch = metadata["network_data_format"], read_plain(path.with_name("inference.yaml")).get("patch_size")
    formats["outputs"]["pred"]["channel_def"] = {str(index): labels[index] for index in sorted(labels, key=int)}
    if formats["outputs"]["pred"]["format"] == "segmentation" and len(labels) > 2:
        formats["outputs"]["pred"]["num_channels"] = len(labels)
    if patch:  # three dimensions
        for described in (formats["inputs"]["image"], formats["outputs"]["pred"]):
            described |= {"spatial_shape": list(patch), "is_patch_data": True}
        formats["inputs"]["image"] |= {"num_channels": 1, "channel_def": {"0": "grey"}}
    if network := settings.get("network_def", {}).get("_target_", settings.get("architecture")):
        metadata["description"] = re.sub(
            r"\ba (VM-UNet|ResNet-50) \(or any [^)]*\)", f"a {network.rpartition('.')[2]}", metadata["description"]
        )
    if settings.get("num_channels") == 1:
        formats["inputs"]["image"] |= {"num_channels": 1, "channel_def": {"0": "grey"}}
    path.write_text(json.dumps(metadata, indent=4) + "\n", encoding="utf-8")

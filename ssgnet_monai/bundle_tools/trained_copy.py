"""A bundle with the weights and settings of a finished run: what `ssgnet label start` and others can serve."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ssgnet_monai.bundle_tools.own_code import refuse_code
from ssgnet_monai.bundle_tools.shipped_bundles import copy_bundle
from ssgnet_monai.data.atomic_write import atomic_path
from ssgnet_monai.data.datalist import read_header
from ssgnet_monai.data.tensor_file import check_tensors

CONFIGS = ("train.yaml", "inference.yaml")
BESIDE = "classes.json"
"""The class names of a classifier, beside its weights."""
OF_THE_DATA = ("intensity_window", "voxel_window")
OF_THE_EXPERIMENT = ("num_labeled", "labeled_by", "to_beat")
"""What limited the experiment's own data, not what is trained with afterwards."""


def copy_trained(name: str, row: Path, target: Path, trust_code: bool = False) -> Path:
    """Copy a shipped bundle with the weights of one row and seed of `ssgnet run`, its configs set as in that training.

    Args:
        name: of the bundle.
        row: the row's folder, such as ``runs/NAME/segmentation/ROW/seed0``.
        target: new folder.
        trust_code: whether the row's settings may name code that `ssgnet verify` does not know.

    Returns:
        The absolute path of the copy.

    Raises:
        FileNotFoundError: the row is not finished.
        ValueError: no such bundle, settings of another one, or damaged weights.
        FileExistsError: something is at ``target``.
    """
    for file in ("model.pt", "trained_with.json", "config.yaml"):
        if not (row / file).is_file():
            raise FileNotFoundError(
                f"Expected the folder of a finished row, such as runs/NAME/segmentation/ROW/seed0, found no {file} in "
                f"{row}."
            )
    check_tensors(row / "model.pt")
    settings = json.loads((row / "trained_with.json").read_text(encoding="utf-8"))
    datalist = _datalist(row)
    settings = {key: value for key, value in settings.items() if key not in OF_THE_EXPERIMENT}
    settings |= {key: datalist[key] for key in OF_THE_DATA if key in datalist}
    copy = copy_bundle(name, target)
    try:
        refuse_code(settings, copy, str(row / "trained_with.json"), trust_code)
        for config in CONFIGS:
            path = copy / "configs" / config
            text = with_settings(path.read_text(encoding="utf-8"), settings)
            path.write_text(text, encoding="utf-8")
        _name_the_labels(copy / "configs" / "metadata.json", datalist, settings)
        (copy / "models").mkdir()
        for file in ("model.pt", BESIDE):
            if (row / file).is_file():
                with atomic_path(copy / "models" / file) as temporary:
                    shutil.copyfile(row / file, temporary)
    except BaseException:
        shutil.rmtree(copy)
        raise
    return copy


def with_settings(text: str, settings: Mapping[str, Any]) -> str:
    """A config's text with other values; everything else, comments too, stays as it is.

    Args:
        text: of a YAML config.
        settings: values by id; nested ones like ``network_def#channels``. Ids that the config lacks are passed by.
    """
    content = yaml.safe_load(text)
    changed: dict[str, Any] = {}
    for name, value in settings.items():
        root, *path = re.split("#|::", name)
        if root not in content:
            continue
        changed[root] = content[root]
        holder, key = content, root
        for step in path:
            holder, key = holder[key], step
        holder[key] = value
        changed[root] = content[root]
    for root, value in changed.items():
        line = yaml.safe_dump({root: value}, sort_keys=False, default_flow_style=True, width=10_000).strip()[1:-1]
        before, after = re.split(rf"(?m)^{re.escape(root)}:.*\n(?:[ -].*\n)*", text, maxsplit=1)
        text = f"{before}{line}\n{after}"
    return text


def _datalist(row: Path) -> dict[str, Any]:
    """The header of the run's datalist; ``dataset_dir`` is relative to the run's folder."""
    where = Path(yaml.safe_load((row / "config.yaml").read_text(encoding="utf-8"))["dataset_dir"])
    for folder in row.absolute().parents:
        path = folder / where
        path = path / "datalist.json" if path.is_dir() else path
        if path.is_file():
            return read_header(path)
    raise FileNotFoundError(f"Expected the datalist {where} of the run around {row}, found none. Copy the whole run.")


def _name_the_labels(path: Path, datalist: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    metadata = json.loads(path.read_text(encoding="utf-8"))
    formats = metadata["network_data_format"]
    labels = dict(enumerate(datalist["classes"])) if "classification" in path.parents[1].name else datalist["labels"]
    formats["outputs"]["pred"]["channel_def"] = {str(index): label for index, label in labels.items()}
    if network := settings.get("network_def", {}).get("_target_", settings.get("architecture")):
        metadata["description"] = re.sub(
            r"\ba (VM-UNet|ResNet-50) \(or any [^)]*\)", f"a {network}", metadata["description"]
        )
    if settings.get("num_channels") == 1:
        formats["inputs"]["image"] |= {"num_channels": 1, "channel_def": {"0": "grey"}}
    path.write_text(json.dumps(metadata, indent=4) + "\n", encoding="utf-8")

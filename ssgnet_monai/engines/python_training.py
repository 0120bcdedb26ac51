"""Training from Python: a network, lists of items, and the shipped configuration for all the rest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from ssgnet_monai.data.names import nearest
from ssgnet_monai.data.tensor_file import load_tensors
from ssgnet_monai.shipped import BUNDLES

CONFIGS = BUNDLES / "ssgnet_segmentation" / "configs"
Items = Iterable[Mapping[str, Any]]


def train_segmenter(
    network: torch.nn.Module,
    labeled: Items,
    validation: Items,
    output_dir: str | Path,
    label_names: Sequence[str] = ("background", "foreground"),
    **settings: Any,
) -> dict[str, Any]:
    """Train a segmenter, as ``train.yaml`` of the bundle does; the same call goes on where it was stopped.

    Args:
        network: images (B, C, H, W) or volumes (B, C, X, Y, Z) to logits: 1 of two classes, else K. It ends with the
            weights that validation prefers, which are ``model.pt`` of ``output_dir`` too.
        labeled: items with paths under "image" and "label"; masks hold class numbers, and 255 where nothing is known.
        validation: the same, to choose the weights by.
        output_dir: receives the weights and what is needed to go on.
        label_names: of mask values 0 to K - 1.
        settings: keys of ``train.yaml``, such as image_size (pixels), steps, batch_size, learning_rate, seed, device;
            with spatial_dims=3, those of ``volumes.yaml`` too.

    Returns:
        The record of the training, see ``PublishModel``: "score", the best validation Dice, and more.

    Raises:
        ValueError: an unknown setting, or ``output_dir`` holds a training on other items.

    Example:
        >>> import tempfile
        >>> from monai.networks.nets import UNet
        >>> from ssgnet_monai.data import load_datalist, write_phantom
        >>> folder = tempfile.mkdtemp()
        >>> data = load_datalist(write_phantom(folder + "/data", num_images=(28, 12), size=32))
        >>> network = UNet(spatial_dims=2, in_channels=3, out_channels=1, channels=(4, 8), strides=(2,))
        >>> record = train_segmenter(
        ...     network, data["training"], data["validation"], folder + "/run", image_size=32, steps=4, device="cpu"
        ... )
        >>> record["steps"]
        4
    """
    parser = _parser(["train"], network, labeled, validation, output_dir, label_names, settings)
    _run(parser, "run")
    network.load_state_dict(load_tensors(Path(output_dir) / "model.pt"))
    return json.loads((Path(output_dir) / "state" / "train" / "training.json").read_text(encoding="utf-8"))


def train_rounds(
    network: torch.nn.Module,
    labeled: Items,
    pool: Items,
    validation: Items,
    output_dir: str | Path,
    label_names: Sequence[str] = ("background", "foreground"),
    **settings: Any,
) -> dict[str, Any]:
    """Train with images that nobody has labelled, by rounds of pseudo-labels; the same call goes on where it stopped.

    The rounds end with their last one and have no arm beside them, as in ``rounds.yaml`` of the bundle. The form of the
    paper is ``recipe="paper"``: validation chooses, beside a real-only arm of equal steps. Their control of equal total
    steps is :func:`train_segmenter` of an untrained copy with ``strong_augmentation=True, choose="last",
    average_half_life=steps // 20``; the others are run ids of the bundle.

    Args:
        network: see :func:`train_segmenter`; every round begins with the weights that it has now.
        labeled: see :func:`train_segmenter`.
        pool: items with a path under "image"; a "label" is never read.
        validation: see :func:`train_segmenter`.
        output_dir: receives ``model.pt``, ``rounds.json``, the pseudo-labels, and what is needed to go on.
        label_names: see :func:`train_segmenter`.
        settings: keys of ``train.yaml`` and ``rounds.yaml``, such as recipe, num_rounds, teachers, steps.

    Returns:
        The chosen round: "round" (the last one; with ``choose="best"`` it may be 0, the labelled images alone),
        "val_dice", "model", "sha256".

    Raises:
        ValueError: see :func:`train_segmenter`; an empty pool.

    Example:
        >>> import tempfile
        >>> from monai.networks.nets import UNet
        >>> from ssgnet_monai.data import load_datalist, write_phantom
        >>> folder = tempfile.mkdtemp()
        >>> data = load_datalist(write_phantom(folder + "/data", num_images=(28, 12), size=32))
        >>> images, unlabeled = data["training"][:8], data["training"][8:]
        >>> network = UNet(spatial_dims=2, in_channels=3, out_channels=1, channels=(4, 8), strides=(2,))
        >>> small = {"image_size": 32, "steps": 4, "batch_size": 4, "num_rounds": 1, "device": "cpu"}
        >>> chosen = train_rounds(network, images, unlabeled, data["validation"], folder + "/run", **small)
        >>> chosen["round"]
        1
    """
    unlabeled = [{"origin": "real", **{key: value for key, value in item.items() if key != "label"}} for item in pool]
    given = _parser(["train", "rounds"], network, labeled, validation, output_dir, label_names, settings, unlabeled)
    _run(given, "rounds")
    network.load_state_dict(load_tensors(Path(output_dir) / "model.pt"))
    return json.loads((Path(output_dir) / "rounds.json").read_text(encoding="utf-8"))["choice"]


def _parser(
    names: Sequence[str],
    network: torch.nn.Module,
    labeled: Items,
    validation: Items,
    output_dir: str | Path,
    label_names: Sequence[str],
    settings: Mapping[str, Any],
    pool: Items = (),
) -> ConfigParser:
    """The shipped configuration with what the caller has in place of files and definitions."""
    given = {"network": network, "labeled": list(labeled), "validation": list(validation), "pool": list(pool)}
    files = [names[0], *(["volumes"] if settings.get("spatial_dims") == 3 else []), *names[1:]]
    parser = ConfigParser(globals={"given": given})
    parser.read_config([str(CONFIGS / f"{name}.yaml") for name in files])
    for key in settings:
        known = dict(parser.get())
        if (root := key.partition("#")[0]) not in known:
            raise ValueError(
                f"Expected settings of {' and '.join(f'{name}.yaml' for name in files)} in {CONFIGS}, got {key}."
                + nearest(root, known)
            )
    lists = {name: value for name, value in given.items() if name != "network"}
    parser.update(
        {
            "network_def": "$given['network']",
            "datalist": {
                "intensity_window": [0, 255],
                "training": "$given['labeled'] + given['pool']",
                "unlabeled": [],
            },
            "label_names": list(label_names),
            "labeled": "$given['labeled']",
            "hidden": [],
            "validate#dataset#data": "$given['validation']",
            "session#data_sha256": hashlib.sha256(json.dumps(lists, sort_keys=True, default=str).encode()).hexdigest(),
            "dataset_dir": str(output_dir),
            "output_dir": str(output_dir),
            "ckpt_dir": str(output_dir),
            **({"pool_items": "$given['pool']"} if "rounds" in names else {}),
            **settings,
        }
    )
    return parser


def _run(parser: ConfigParser, run_id: str) -> None:
    for part in ("initialize", run_id):
        for index in range(len(parser[part])):
            parser.get_parsed_content(f"{part}::{index}")

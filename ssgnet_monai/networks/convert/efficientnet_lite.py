"""EfficientNet-Lite0 as ``efficientnet_lite_pytorch`` names its tensors -> timm's ``tf_efficientnet_lite0``."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

REPEATS = (1, 2, 2, 3, 3, 4, 1)
"""Blocks of each stage (Tan & Le 2019, arXiv 1905.11946, table 1): the original counts them through."""
ENDS = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
"""Layers of the first block, which does not expand its channels."""
OTHERS = {
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
    "_project_conv": "conv_pwl", "_bn2": "bn3",
}  # fmt: skip
PLACES = [f"blocks.{stage}.{index}" for stage, repeats in enumerate(REPEATS) for index in range(repeats)]


def is_original(weights: Mapping[str, torch.Tensor]) -> bool:
    """Whether weights have the names of the original implementation."""
    return "_conv_stem.weight" in weights


def timm_names(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors under timm's names.

    Args:
        weights: state dict with names such as ``_blocks.3._expand_conv.weight``.

    Raises:
        ValueError: a name that EfficientNet-Lite0 does not have.
    """
    return {_timm_name(name): value for name, value in weights.items()}


def _timm_name(name: str) -> str:
    path, _, tensor = name.rpartition(".")
    if path in ENDS:
        return f"{ENDS[path]}.{tensor}"
    if found := re.fullmatch(r"_blocks\.(\d+)\.(\w+)", path):
        number, layer = int(found[1]), found[2]
        layers = OTHERS if number else FIRST
        if number < len(PLACES) and layer in layers:
            return f"{PLACES[number]}.{layers[layer]}.{tensor}"
    raise ValueError(
        f"Expected names of EfficientNet-Lite0 such as _blocks.3._expand_conv.weight, got {name}. "
        "Other networks are read with timm's names."
    )

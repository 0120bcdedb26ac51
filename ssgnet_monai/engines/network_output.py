"""The one prediction among the outputs of other people's segmenters: dictionaries, deep supervision, several heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch


def full_size_output(output: Any, images: torch.Tensor) -> torch.Tensor:
    """The prediction at the images' own size.

    - a dictionary, as torchvision's and Hugging Face's: ``out``, otherwise its one output of full size;
    - a list or tuple: its one output of full size, as with deep supervision at several scales (MONAI's SegResNetDS,
      nnU-Net) and with a classification head (segmentation-models-pytorch); of several in a list, the last (MONAI's
      BasicUNetPlusPlus, whose last is the deepest), while in a tuple it may be the first (U2-Net, auxiliary heads);
    - (B, heads, K, H, W), as MONAI's DynUNet stacks its heads in training: the first.

    Args:
        output: what the network gave for ``images``.
        images: (B, C, H, W).

    Returns:
        Logits (B, K, H, W).

    Raises:
        TypeError: there is no output of the images' size, or it is not plain which of several is meant.
    """
    if isinstance(output, torch.Tensor):
        if output.ndim == images.ndim + 1:
            output = output[:, 0]
        candidates = [output]
    elif isinstance(output, Mapping):
        candidates = [output["out"]] if "out" in output else list(output.values())
    elif isinstance(output, Sequence):
        candidates = list(output)
    else:
        candidates = []
    shape = images.shape
    fitting = [
        value
        for value in candidates
        if isinstance(value, torch.Tensor)
        and value.ndim == images.ndim
        and (value.shape[0], *value.shape[2:]) == (shape[0], *shape[2:])
    ]
    if not fitting or (isinstance(output, Mapping | tuple) and len(fitting) > 1):
        raise TypeError(
            f"Expected logits (B, K, {', '.join(map(str, shape[2:]))}) of network_def, got {_described(output)}. "
            "Wrap the network so that it returns one tensor of the images' height and width, and name the wrapper in "
            "network_def."
        )
    return fitting[-1]


def _described(output: Any) -> str:
    if isinstance(output, torch.Tensor):
        return f"a tensor {tuple(output.shape)}"
    if isinstance(output, Mapping):
        return f"a dictionary of {', '.join(f'{key}: {_described(value)}' for key, value in output.items())}"
    if isinstance(output, list | tuple):
        return f"a {type(output).__name__} of {', '.join(map(_described, output))}"
    return f"a {type(output).__name__}"

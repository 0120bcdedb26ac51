"""Google's hybrid vision transformers (``R50+ViT-B_16.npz``) as weights of a TransUNet."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage

if TYPE_CHECKING:
    from ssgnet_monai.networks.transunet import TransUNet

_NAMES = {
    "attn.query": "MultiHeadDotProductAttention_1/query",
    "attn.key": "MultiHeadDotProductAttention_1/key",
    "attn.value": "MultiHeadDotProductAttention_1/value",
    "attn.out": "MultiHeadDotProductAttention_1/out",
    "ffn.fc1": "MlpBlock_3/Dense_0",
    "ffn.fc2": "MlpBlock_3/Dense_1",
    "attention_norm": "LayerNorm_0",
    "ffn_norm": "LayerNorm_2",
}
logger = logging.getLogger(__name__)


def load_vit_npz(network: TransUNet, path: str | Path) -> None:
    """Load the encoder of a TransUNet from an ``.npz`` of the official array names; its decoder stays as it is.

    Position embeddings of another grid are resized bilinearly, without the class token.

    Args:
        network: a TransUNet.
        path: the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such archive, an array is missing or its shape does not fit.

    Source: Dosovitskiy et al. 2021 (arXiv 2010.11929), appendix D.4 (positions); Chen et al. 2021 (arXiv 2102.04306).
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"Expected the weights R50+ViT-B_16.npz at {path}, found no file. It is Google's download "
            "(vit_models/imagenet21k); without it set pretrained to null and train from scratch."
        )
    try:
        with np.load(path, allow_pickle=False) as arrays:
            _load(network, arrays, path)
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise ValueError(f"Expected a whole .npz archive at {path}, got a damaged one ({error}).") from error


def _load(network: TransUNet, arrays: Mapping[str, np.ndarray], path: str | Path) -> None:
    parameters = {name: parameter for name, parameter in network.named_parameters() if name.startswith("transformer.")}
    missing = sorted({_array_name(name) for name in parameters} - set(arrays))
    if missing:
        raise ValueError(
            f"Expected {len(parameters)} arrays of a ResNet and vision transformer in {path}, {len(missing)} are "
            f"missing, such as {missing[0]}."
        )
    weights = {}
    for name, parameter in parameters.items():
        array = arrays[_array_name(name)]
        value = _positions(array, parameter, network) if name.endswith("position_embeddings") else _turned(array, name)
        if value.size != parameter.numel():
            raise ValueError(
                f"Expected {_array_name(name)} of {path} to fill {tuple(parameter.shape)} ({name}), got an array of "
                f"{array.shape}. The network's sizes are not those of the file."
            )
        weights[name] = torch.from_numpy(np.ascontiguousarray(value, dtype=np.float32)).reshape(parameter.shape)
    network.load_state_dict(weights, strict=False)
    logger.info("%d arrays of the encoder were loaded from %s", len(weights), Path(path).name)


def _array_name(name: str) -> str:
    """The official name of a parameter, such as ``block1/unit1/conv_proj/kernel``."""
    words = name.removeprefix("transformer.").split(".")
    kind = {"weight": "kernel", "bias": "bias"}.get(words[-1], "")
    is_norm = words[-2].startswith("gn") or words[-2].endswith("norm")
    kind = "scale" if is_norm and kind == "kernel" else kind
    if words[1] == "position_embeddings":
        return "Transformer/posembed_input/pos_embedding"
    if words[1] == "patch_embeddings":
        return f"embedding/{kind}"
    if words[1] == "encoder_norm":
        return f"Transformer/encoder_norm/{kind}"
    if words[1] == "layer":
        return f"Transformer/encoderblock_{words[2]}/{_NAMES['.'.join(words[3:-1])]}/{kind}"
    if words[2] == "root":
        return f"{'gn_root' if words[3] == 'gn' else 'conv_root'}/{kind}"
    return "/".join((*words[3:5], words[5].replace("downsample", "conv_proj"), kind))


def _turned(array: np.ndarray, name: str) -> np.ndarray:
    """Kernels of convolutions are (H, W, in, out) there, those of linear layers (in, out)."""
    if ".encoder.layer." in name and name.endswith("weight") and array.ndim > 1:
        inputs = array.shape[0] if ".attn.out." not in name else array.shape[0] * array.shape[1]
        return array.reshape(inputs, -1).T
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 and name.endswith("weight") else array


def _positions(array: np.ndarray, parameter: torch.Tensor, network: TransUNet) -> np.ndarray:
    """Positions of the network's own grid."""
    if array.ndim != 3 or array.shape[2] != parameter.shape[2]:
        return array
    if array.shape[1] == parameter.shape[1]:
        return array
    side = int((array.shape[1] - 1) ** 0.5)
    grid = network.transformer.grid
    square = array[0, 1:].reshape(side, side, -1) if side * side == array.shape[1] - 1 else array[0][None]
    return ndimage.zoom(square, (grid[0] / square.shape[0], grid[1] / square.shape[1], 1), order=1)

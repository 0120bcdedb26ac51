"""ImageNet weights in the encoder of a segmenter of segmentation-models-pytorch."""

from __future__ import annotations

from pathlib import Path

import timm
import torch
from torch import nn

from ssgnet_monai.data.image_files import listed
from ssgnet_monai.networks.imagenet_weights import for_channels, imagenet_weights


def load_encoder(network: nn.Module, source: str | Path) -> None:
    """Begin with an encoder that knows ImageNet; the decoder stays as it is.

    Args:
        network: a network of segmentation-models-pytorch whose ``encoder_name`` begins with ``tu-`` (timm's).
        source: see :func:`~ssgnet_monai.networks.imagenet_weights.imagenet_weights`.

    Raises:
        ValueError: a network without such an encoder, or tensors without a place, or places without a tensor.
        FileNotFoundError: see ``imagenet_weights``.
    """
    encoder = getattr(network, "encoder", None)
    body, name = getattr(encoder, "model", None), getattr(encoder, "name", None)
    if not isinstance(body, nn.Module) or not isinstance(name, str):
        raise ValueError(
            f"Expected a network with an encoder of timm (encoder_name: tu-...) for pretrained_encoder, got a "
            f"{type(network).__name__}. Take configs/networks/unet_pretrained.yaml, or give null."
        )
    body.load_state_dict(encoder_weights(body, name, imagenet_weights(name, source), str(source)))


def encoder_weights(
    body: nn.Module, architecture: str, weights: dict[str, torch.Tensor], source: str
) -> dict[str, torch.Tensor]:
    """The weights of a classifier that its encoder takes, under the encoder's names.

    Encoders have timm's names with some dots as underscores. What only a classifier has, behind the last stage, is left
    out; the first layer's weights suit the encoder's channels, see ``for_channels``.

    Args:
        body: timm's network with ``features_only=True``.
        architecture: its name.
        weights: of the classifier, for three channels.
        source: for messages.

    Raises:
        ValueError: any other tensor without a place, or a place without a tensor of its shape.
    """
    own = body.state_dict()
    with torch.device("meta"):
        whole = timm.create_model(architecture).state_dict()
    taken = {name.replace(".", "_"): name for name in own}
    found = {taken[key]: value for name, value in weights.items() if (key := name.replace(".", "_")) in taken}
    unknown = [name for name in weights if name.replace(".", "_") not in taken and name not in whole]
    found = for_channels(found, own)
    needed = [name for name in own if not name.endswith("num_batches_tracked")]  # older files do not count batches
    unfilled = [name for name in needed if name not in found or found[name].shape != own[name].shape]
    if unknown or unfilled:
        raise ValueError(
            f"Expected {source} with the weights of {architecture}, got {len(unknown)} tensors that it does not have "
            f"({listed(unknown)}) and none of the right shape for {len(unfilled)} ({listed(unfilled)}). Give the "
            "encoder_name of these weights, or its own weights."
        )
    return {**own, **found}

"""VMamba classifiers as the beginning of a VM-UNet."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ssgnet_monai.data.tensor_file import load_tensors

if TYPE_CHECKING:
    from ssgnet_monai.networks.vmunet import VMUNet

logger = logging.getLogger(__name__)


def load_vmamba(network: VMUNet, path: str | Path) -> dict[str, list[str]]:
    """Load encoder and decoder of a VM-UNet from the weights of a VMamba classifier; its head stays as it is.

    Encoder stage ``layers.i`` also initialises decoder stage ``layers_up.{3-i}`` wherever name and shape fit.

    Args:
        network: a VM-UNet.
        path: VMamba's state dict (``patch_embed...``, ``layers...``), or a checkpoint that holds it under "model".

    Returns:
        {"encoder": loaded names, "decoder": initialised names, "unused": names without a place, such as the head}.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, no name fits the encoder, or a tensor has another shape than the network's.

    Source: Ruan et al. 2024 (arXiv 2402.02491), section 4.2.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"Expected the weights of a VMamba classifier at {path}, found no file. Set pretrained to null to train "
            "from scratch."
        )
    state = load_tensors(path)
    nested = state.get("model")
    weights: Mapping[str, torch.Tensor] = nested if isinstance(nested, Mapping) else state
    own = network.vmunet.state_dict()
    fitting = [key for key in weights if key in own and key.startswith(("patch_embed.", "layers."))]
    encoder = {key: weights[key] for key in fitting}
    wrong = [key for key, value in encoder.items() if value.shape != own[key].shape]
    if not encoder or wrong:
        came = (
            f"{wrong[0]} of shape {tuple(encoder[wrong[0]].shape)}, not {tuple(own[wrong[0]].shape)}"
            if wrong
            else f"names such as {sorted(weights)[:3]}"
        )
        raise ValueError(
            f"Expected the state dict of a VMamba encoder that fits this network in {path}, got {came}. "
            "Use VMamba-T/S weights with the default dims, or set dims and d_state to those of the weights."
        )
    decoder = {}
    for key, value in encoder.items():
        stage, _, rest = key.removeprefix("layers.").partition(".")
        target = f"layers_up.{3 - int(stage)}.{rest}" if key.startswith("layers.") else ""
        if target in own and own[target].shape == value.shape:
            decoder[target] = value
    network.vmunet.load_state_dict({**own, **encoder, **decoder})
    unused = sorted(set(weights) - set(encoder))
    logger.info(
        "%s: %d tensors for the encoder, %d for the decoder, %d unused", path, len(encoder), len(decoder), len(unused)
    )
    return {"encoder": sorted(encoder), "decoder": sorted(decoder), "unused": unused}

"""Learning rates of the two parts of a network that begins with a pretrained encoder."""

from __future__ import annotations

from typing import Any

from torch import nn


def encoder_param_groups(network: nn.Module, lr: float, encoder_lr: float) -> list[dict[str, Any]]:
    """Parameters for an optimiser, those of ``network.encoder`` with a learning rate of their own.

    What is random at the start must move far, what knows ImageNet already must not.

    Args:
        network: with a module ``encoder``.
        lr: learning rate of all other parameters.
        encoder_lr: learning rate of the encoder.

    Returns:
        Two groups, the encoder's first.

    Raises:
        ValueError: the network has no encoder.
    """
    encoder = getattr(network, "encoder", None)
    if not isinstance(encoder, nn.Module):
        raise ValueError(
            f"Expected a network with a module `encoder` for two learning rates, got a {type(network).__name__}. "
            "Take configs/networks/unet_pretrained.yaml, or give the optimiser network.parameters()."
        )
    own = {id(parameter) for parameter in encoder.parameters()}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in own]
    return [{"params": list(encoder.parameters()), "lr": encoder_lr}, {"params": rest, "lr": lr}]

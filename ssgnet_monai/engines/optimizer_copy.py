"""The optimiser of a second network, after that of the first."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.optim import Optimizer


def partner_optimizer(optimizer: Optimizer, network: torch.nn.Module, partner: torch.nn.Module) -> Optimizer:
    """An optimiser like another one, for another network.

    Args:
        optimizer: of ``network``.
        network: the network that it moves.
        partner: the network that the new one moves, in groups of the same names; a partner of other names is one group.

    Raises:
        ValueError: the partner has other names, and the optimiser several groups.
    """
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    own = dict(partner.named_parameters())
    groups = [[names[id(parameter)] for parameter in group["params"]] for group in optimizer.param_groups]
    if set(names.values()) != set(own):
        if len(groups) > 1:
            raise ValueError(
                f"Expected a partner of the network's kind, since its optimiser has {len(groups)} groups of "
                f"parameters, got a {type(partner).__name__}. Give partner_optimizer."
            )
        groups = [list(own)]
    settings = [{key: group[key] for key in optimizer.defaults} for group in optimizer.param_groups]
    kind: Callable[..., Optimizer] = type(optimizer)
    return kind(
        [{**kept, "params": [own[name] for name in group]} for kept, group in zip(settings, groups, strict=True)]
    )

"""Several processes that train as one: rank r of R takes rows r, r + R, r + 2R, ... of every global batch.

Whatever is random is drawn for the global batch by every rank, so that a row is the same however many ranks there are.
Groups of the minibatch standard deviation (samples a fixed stride apart) then lie whole on one rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import torch
from torch import distributed
from torch.distributed.nn.functional import all_reduce

Rows = TypeVar("Rows", torch.Tensor, Sequence)


def num_ranks() -> int:
    """Number of processes that train together; 1 without a process group."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def rank() -> int:
    """Number of this process among them, from 0; rank 0 writes files."""
    return distributed.get_rank() if num_ranks() > 1 else 0


def shard(rows: Rows) -> Rows:
    """This rank's rows of a global batch or list: none twice, none left out.

    Args:
        rows: a tensor (n, ...) or a list of n items.

    Raises:
        ValueError: there are fewer rows than ranks.
    """
    if len(rows) < num_ranks():
        raise ValueError(
            f"Expected at least one image for each of {num_ranks()} processes, got {len(rows)}. Start fewer processes "
            "(--nproc_per_node)."
        )
    return rows[rank() :: num_ranks()]


def sum_over_ranks(values: torch.Tensor) -> torch.Tensor:
    """The sum of what all ranks have, with the gradients of them all; ``values`` itself of one process."""
    return all_reduce(values) if num_ranks() > 1 else values


def shard_size(batch_size: int) -> int:
    """Images of a global batch that this rank takes.

    Args:
        batch_size: images of one step over all ranks.

    Raises:
        ValueError: the ranks cannot share them equally.
    """
    if batch_size < 1 or batch_size % num_ranks():
        raise ValueError(
            f"Expected batch_size, the images of one step over all processes, as a multiple of {num_ranks()} "
            f"processes, got {batch_size}. Change batch_size or --nproc_per_node."
        )
    return batch_size // num_ranks()


def mean_over_ranks(value: torch.Tensor) -> torch.Tensor:
    """Mean over the ranks of a tensor without gradient; all ranks must call it, and all get the same."""
    if num_ranks() == 1:
        return value
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total / num_ranks()


def average_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Replace gradients by their mean over the ranks, in one exchange; parameters without gradient stay so."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if num_ranks() == 1 or not gradients:
        return
    mean = mean_over_ranks(torch.cat([gradient.flatten() for gradient in gradients]))
    for gradient, part in zip(gradients, mean.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))

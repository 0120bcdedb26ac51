"""Batch normalisation over the images of all processes that train together, on any device."""

from __future__ import annotations

import torch
from timm.layers import convert_sync_batchnorm
from torch import nn
from torch.distributed.nn.functional import all_reduce

from ssgnet_monai.ops.ranks import num_ranks


class RankBatchNorm2d(nn.BatchNorm2d):
    """A ``BatchNorm2d`` (or timm's, with its activation) whose mean and variance are those of the global batch.

    torch's ``SyncBatchNorm`` does the same on GPUs only. Every rank must hold equally many images.

    Args:
        single: the layer to replace; its parameters and running means become this one's.
    """

    def __init__(self, single: nn.BatchNorm2d) -> None:
        super().__init__(single.num_features, single.eps, single.momentum, single.affine, single.track_running_stats)
        self.weight, self.bias, self.training = single.weight, single.bias, single.training
        self.running_mean, self.running_var = single.running_mean, single.running_var
        self.num_batches_tracked = single.num_batches_tracked
        self.drop, self.act = getattr(single, "drop", nn.Identity()), getattr(single, "act", nn.Identity())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalise (B, C, H, W), B images of this rank."""
        if not self.training or num_ranks() == 1:
            return self.act(self.drop(super().forward(images)))
        mean = all_reduce(images.mean((0, 2, 3))) / num_ranks()
        centred = images - mean[:, None, None]
        variance = all_reduce(centred.square().mean((0, 2, 3))) / num_ranks()
        number = images.numel() // self.num_features * num_ranks()
        self._track(mean.detach(), variance.detach() * number / (number - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return self.act(self.drop(centred * scale[:, None, None] + self.bias[:, None, None]))

    def _track(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def synchronise_batch_norm(network: nn.Module) -> nn.Module:
    """Replace every ``BatchNorm2d`` by one over all ranks: torch's on CUDA, ``RankBatchNorm2d`` elsewhere.

    Args:
        network: a network on its device; changed in place.

    Returns:
        The network; names and values of its state stay as they are.
    """
    if next(network.parameters()).is_cuda:
        return convert_sync_batchnorm(network)
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.BatchNorm2d):
                setattr(parent, name, RankBatchNorm2d(layer))
    return network

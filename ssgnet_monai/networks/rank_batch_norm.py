"""Batch normalisation over the images of all processes that train together, on any device."""

from __future__ import annotations

import torch
from timm.layers import convert_sync_batchnorm
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ssgnet_monai.ops.ranks import num_ranks, sum_over_ranks


class RankBatchNorm(_BatchNorm):
    """A ``BatchNorm2d`` (or timm's, with its activation) or ``BatchNorm3d`` with mean and variance of the global batch.

    torch's ``SyncBatchNorm`` does the same on GPUs only. Every rank must hold equally many images.

    Args:
        single: the layer to replace; its parameters and running means become this one's.
    """

    def __init__(self, single: _BatchNorm) -> None:
        super().__init__(single.num_features, single.eps, single.momentum, single.affine, single.track_running_stats)
        self.weight, self.bias, self.training = single.weight, single.bias, single.training
        self.running_mean, self.running_var = single.running_mean, single.running_var
        self.num_batches_tracked = single.num_batches_tracked
        self.drop, self.act = getattr(single, "drop", nn.Identity()), getattr(single, "act", nn.Identity())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalise (B, C, H, W) or (B, C, X, Y, Z), B images of this rank."""
        if not self.training or num_ranks() == 1:
            return self.act(self.drop(super().forward(images)))
        others = [0, *range(2, images.ndim)]
        shape = [1, -1] + [1] * (images.ndim - 2)
        mean = sum_over_ranks(images.mean(others)) / num_ranks()
        centred = images - mean.view(shape)
        variance = sum_over_ranks(centred.square().mean(others)) / num_ranks()
        number = images.numel() // self.num_features * num_ranks()
        self._track(mean.detach(), variance.detach() * number / (number - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return self.act(self.drop(centred * scale.view(shape) + self.bias.view(shape)))

    def _check_input_dim(self, input: torch.Tensor) -> None:  # noqa: A002 - torch's name
        if input.ndim < 4:
            raise ValueError(f"Expected images (B, C, H, W) or (B, C, X, Y, Z), got {tuple(input.shape)}.")

    def _track(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def synchronise_batch_norm(network: nn.Module) -> nn.Module:
    """Replace every ``BatchNorm2d`` and ``3d`` by one over all ranks: torch's on CUDA, ``RankBatchNorm`` elsewhere.

    Args:
        network: a network on its device; changed in place.

    Returns:
        The network; names and values of its state stay as they are.
    """
    if next(network.parameters()).is_cuda:
        return convert_sync_batchnorm(network)
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm3d):
                setattr(parent, name, RankBatchNorm(layer))
    return network

"""Images of any size for networks that halve them again and again: padded for the network, cropped afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import Inferer

from ssgnet_monai.engines.network_output import full_size_output

SLICES = 16
"""Slices of a volume that the network sees at a time."""


class PaddedInferer(Inferer):
    """Pads the far border of each axis to the next multiple, by repeating it, and crops the network's output back.

    Images of fitting sizes pass as they are.

    Args:
        multiple: what the sides must be a multiple of: the product of the network's strides; 32 fits VM-UNet and a UNet
            of up to five strides of 2.
        spatial_dims: of the network.

    Raises:
        ValueError: ``multiple`` is below 1.
    """

    def __init__(self, multiple: int = 32, spatial_dims: int = 2) -> None:
        super().__init__()
        if multiple < 1:
            raise ValueError(f"Expected a multiple of at least 1, got {multiple}. Use the product of the strides.")
        self.multiple, self.spatial_dims = multiple, spatial_dims

    def __call__(self, inputs: torch.Tensor, network: Callable, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Apply ``network`` to images (B, C, H, W), or to volumes (B, C, X, Y, Z): as a whole, or with a network of two
        dimensions slice by slice.

        Returns:
            The network's output, (B, K, H, W) or (B, K, X, Y, Z).

        Raises:
            TypeError: the network gives no tensor of the images' size; see ``full_size_output``.
        """
        if inputs.ndim == 5 and self.spatial_dims == 2:
            few = inputs.movedim(-1, 1).flatten(0, 1).split(SLICES)
            found = torch.cat([self(slices, network, *args, **kwargs) for slices in few])
            return found.unflatten(0, (len(inputs), -1)).movedim(1, -1)
        sides = inputs.shape[2:]
        missing = [-side % self.multiple for side in sides]
        if any(missing):
            border = [amount for side in reversed(missing) for amount in (0, side)]
            inputs = torch.nn.functional.pad(inputs, border, mode="replicate")
        found = full_size_output(network(inputs, *args, **kwargs), inputs)
        for axis, side in enumerate(sides, start=2):
            found = found.narrow(axis, 0, side)
        return found

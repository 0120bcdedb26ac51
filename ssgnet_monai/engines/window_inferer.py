"""Whole volumes through a network that sees patches: overlapping windows, blended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from monai.inferers import Inferer, SlidingWindowInferer

from ssgnet_monai.engines.padded_inferer import PaddedInferer


class WindowInferer(SlidingWindowInferer):
    """MONAI's ``SlidingWindowInferer`` with a Gaussian weight, for networks of any output that training takes.

    A volume smaller than a window is padded with 0, the mean, on all sides, as the crops of the training are.

    Args:
        roi_size: voxels of a window along each axis: the training's patch_size.
        overlap: of two neighbouring windows, as a share of the window, in [0, 1), along all axes or along each.
        sw_batch_size: windows in one forward pass.
        window_inferer: applies the network to windows; None: ``PaddedInferer`` of three dimensions.
        options: further arguments of ``SlidingWindowInferer``, such as ``cpu_thresh``: voxels from which volumes
            are put together in the computer's memory instead of the GPU's.

    Raises:
        ValueError: ``window_inferer`` is one of two dimensions.
    """

    def __init__(
        self,
        roi_size: Sequence[int],
        overlap: float | Sequence[float] = 0.5,
        sw_batch_size: int = 1,
        window_inferer: Inferer | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            roi_size=roi_size, overlap=overlap, sw_batch_size=sw_batch_size, **{"mode": "gaussian", **options}
        )
        self.window_inferer = window_inferer or PaddedInferer(spatial_dims=3)
        if isinstance(self.window_inferer, PaddedInferer) and self.window_inferer.spatial_dims != 3:
            raise ValueError(
                f"Expected a network with spatial_dims: 3 for whole volumes, got spatial_dims: "
                f"{self.window_inferer.spatial_dims}, as the files of networks of slices say. Take another file of "
                "configs/networks, such as vnet or unet, or leave volumes.yaml out."
            )

    def __call__(self, inputs: torch.Tensor, network: Callable, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Apply ``network`` to volumes (B, C, X, Y, Z).

        Returns:
            The network's output, (B, K, X, Y, Z).
        """

        def on_windows(windows: torch.Tensor, *more: Any, **named: Any) -> torch.Tensor:
            return self.window_inferer(windows, network, *more, **named)

        found = super().__call__(inputs, on_windows, *args, **kwargs)
        assert isinstance(found, torch.Tensor)
        return found

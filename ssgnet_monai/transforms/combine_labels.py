"""One label map out of two: what a shifted crop says of the overlap, and what the fixed crop says of the rest."""

from __future__ import annotations

import torch


def combine_labels(fixed: torch.Tensor, shifted: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
    """The fixed crop's labels, replaced where the shifted crop shows the same place.

    Args:
        fixed: labels (B, ...) of the fixed crops, of one, two or three axes.
        shifted: labels of the shifted crops, of the same shape.
        offset: (B, axes) int64, first voxel of the shifted crop less that of the fixed one.

    Returns:
        (B, ...) in the fixed crops' coordinates.

    Raises:
        ValueError: the shapes do not fit.

    Source: Kumari & Singh 2024 (arXiv 2405.07256), Fig. 2 (d), COM.
    """
    axes = fixed.ndim - 1
    if shifted.shape != fixed.shape or offset.shape != (len(fixed), axes):
        raise ValueError(
            "Expected two label maps (B, ...) of one shape and an offset for each of their axes, got "
            f"{tuple(fixed.shape)}, {tuple(shifted.shape)} and {tuple(offset.shape)}."
        )
    places = [torch.arange(len(fixed), device=fixed.device).view(-1, *[1] * axes)]
    seen = torch.ones((), dtype=torch.bool, device=fixed.device)
    for axis, side in enumerate(fixed.shape[1:]):
        place = torch.arange(side, device=fixed.device) - offset[:, axis, None].to(fixed.device)
        place = place.view(-1, *[side if other == axis else 1 for other in range(axes)])
        seen = seen & (place >= 0) & (place < side)
        places.append(place.clamp(0, side - 1))
    return torch.where(seen, shifted[tuple(places)], fixed)

"""Views of an image whose answers can be turned back: mirrored and turned by exact steps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch


@dataclass(frozen=True)
class View:
    """One view; nothing is interpolated.

    Args:
        flips: dimensions of the tensor along which it is mirrored.
        transposed: whether the last two dimensions change places first.
    """

    flips: tuple[int, ...] = ()
    transposed: bool = False

    def apply(self, images: torch.Tensor) -> torch.Tensor:
        """The view of images (B, C, ...)."""
        return (images.transpose(-2, -1) if self.transposed else images).flip(self.flips)

    def undo(self, answers: torch.Tensor) -> torch.Tensor:
        """What was answered to the view, (B, K, ...), as an answer to the images themselves."""
        answers = answers.flip(self.flips)
        return answers.transpose(-2, -1) if self.transposed else answers


def image_views(spatial_dims: int, number: int, mirror: bool = True) -> list[View]:
    """The first of an image's views: itself, mirrored along each axis, and in two dimensions turned by 90 degrees.

    Args:
        spatial_dims: 2 or 3.
        number: how many: up to 8, or up to 4 where ``mirror`` is false.
        mirror: whether mirror images may be seen; otherwise there are turns alone.

    Returns:
        ``number`` views, the first of which is the image as it is.

    Raises:
        ValueError: there are not so many.

    Example:
        >>> image = torch.arange(4.0).view(1, 1, 2, 2)
        >>> [view.apply(image).flatten().tolist() for view in image_views(2, 2)]
        [[0.0, 1.0, 2.0, 3.0], [1.0, 0.0, 3.0, 2.0]]
    """
    axes = range(-1, -1 - spatial_dims, -1)
    views = [
        View(tuple(axis for axis, flipped in zip(axes, reversed(bits), strict=True) if flipped), transposed)
        for transposed in ((False, True) if spatial_dims == 2 else (False,))
        for bits in product((False, True), repeat=spatial_dims)
    ]
    if not mirror:  # an even number of reflections is a turn
        views = [view for view in views if (len(view.flips) + view.transposed) % 2 == 0]
    if not 1 <= number <= len(views):
        raise ValueError(
            f"Expected 1 to {len(views)} views of an image in {spatial_dims} dimensions with mirror: "
            f"{str(mirror).lower()}, got {number}."
        )
    return views[:number]

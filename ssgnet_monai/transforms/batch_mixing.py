"""Mixing of the images of a batch: boxes of pool images in each other, labelled foreground on pool images."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ssgnet_monai.data.label_space import IGNORED
from ssgnet_monai.transforms.augmentation_draws import check_bounds, check_probabilities, log_uniform, uniform
from ssgnet_monai.transforms.cutmix import box_mask


class BatchMixing:
    """Puts boxes of other images of the batch, with their labels, into the images of the pool; labelled ones stay.

    CutMix: the box comes from another image of the pool, at the same place. Pasting: it comes from a labelled image and
    lies around its foreground (all classes but 0) with its surroundings. Draws come from torch's default generator on
    the CPU (seed it per step); the partners are those of the same process.

    Args:
        cutmix_prob: probability that an image of the pool gets a box of another, in [0, 1].
        share: [low, high] of that box's share of the image.
        paste_prob: probability that an image of the pool gets the foreground of a labelled one, in [0, 1].
        margin: surroundings of the foreground on each side, share of the image's side.
        largest: largest side of the box around the foreground, share of the image's side, in (0, 1]; of a larger one
            a part is taken.

    Raises:
        ValueError: a setting is outside its range.

    Source: CutMix (Yun et al. 2019) between unlabelled images as in UniMatch (Yang et al. 2023; p .5, boxes of .02 to
        .4 of the image); copy-paste (Ghiasi et al. 2021).
    """

    def __init__(
        self,
        cutmix_prob: float = 0.5,
        share: Sequence[float] = (0.02, 0.4),
        paste_prob: float = 0.25,
        margin: float = 0.1,
        largest: float = 0.6,
    ) -> None:
        check_probabilities(cutmix_prob=cutmix_prob, paste_prob=paste_prob, margin=margin)
        check_bounds(share=share)
        if share[1] > 1 or not 0 < largest <= 1:
            raise ValueError(f"Expected share and largest as parts of an image, at most 1, got {share} and {largest}.")
        self.cutmix_prob, self.share, self.paste_prob = cutmix_prob, share, paste_prob
        self.margin, self.largest = margin, largest

    def __call__(
        self, images: torch.Tensor, labels: torch.Tensor, from_pool: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mix a batch.

        Args:
            images: (B, C, H, W) or (B, C, X, Y, Z).
            labels: (B, 1, ...) of the same sides, class numbers, 255 where they are not known; or soft ones, a plane
                for each class but the background.
            from_pool: (B,) bool, on the CPU.

        Returns:
            New images and labels, or these where there is nothing to mix.
        """
        axes = images.ndim - 2
        u = uniform(len(images), 2, 2 + 2 * axes)
        pool, labelled = from_pool.nonzero()[:, 0], (~from_pool).nonzero()[:, 0]
        chosen = u[pool, 0, 0] < self.paste_prob
        rows = pool[chosen]
        if len(rows) and len(labelled):
            donors = labelled[torch.arange(len(rows)) % len(labelled)].to(images.device)
            boxes = self._foreground(labels[donors], u[rows, 0, 2 : 2 + axes].to(images.device))
            images, labels = _put(images, labels, rows, donors, boxes)
        chosen = u[pool, 1, 0] < self.cutmix_prob
        rows = pool[chosen]
        if len(rows) and len(pool) > 1:
            donors = pool.roll(1)[chosen].to(images.device)
            images, labels = _put(images, labels, rows, donors, self._box(u[rows, 1, 1:], axes).to(images.device))
        return images, labels

    def _box(self, u: torch.Tensor, axes: int) -> torch.Tensor:
        """Low and high corner, (n, 2, axes), parts of the sides: a share of the image, no side twice another's."""
        share = self.share[0] + (self.share[1] - self.share[0]) * u[:, :1]
        form = log_uniform(u[:, 1 : 1 + axes], (0.5**0.5, 2**0.5))
        sides = (share ** (1 / axes) * form / form.prod(1, keepdim=True) ** (1 / axes)).clamp_max(1)
        low = u[:, 1 + axes :] * (1 - sides)
        return torch.stack([low, low + sides], dim=1)

    def _foreground(self, labels: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """The same around the foreground of labels (n, C, ...); without foreground, an empty box."""
        foreground = ((labels > 0) & (labels != IGNORED)).any(1)
        corners = []
        for axis in range(1, foreground.ndim):
            seen = foreground.movedim(axis, 1).flatten(2).any(2)
            size = seen.shape[1]
            low = (seen.int().argmax(1) / size - self.margin).clamp_min(0)
            high = (1 - seen.flip(1).int().argmax(1) / size + self.margin).clamp_max(1)
            low = low + u[:, axis - 1] * (high - low - self.largest).clamp_min(0)
            high = torch.where(seen.any(1), torch.minimum(high, low + self.largest), low)
            corners.append(torch.stack([low, high], dim=1))
        return torch.stack(corners, dim=2)


def _put(
    images: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor, donors: torch.Tensor, boxes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Write what lies in the donors' boxes into the rows."""
    rows, inside = rows.to(images.device), box_mask(boxes, images.shape[2:])
    images, labels = (
        values.index_copy(0, rows, torch.where(inside, values[donors], values[rows])) for values in (images, labels)
    )
    return images, labels

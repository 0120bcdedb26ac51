"""CutMix between pairs of a batch: two images exchange the box at one place, and so do their labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ssgnet_monai.transforms.augmentation_draws import uniform


def box_mask(boxes: torch.Tensor, sides: Sequence[int]) -> torch.Tensor:
    """Which pixels have their middle in a box.

    Args:
        boxes: (n, 2, axes) low and high corner, in parts of the sides.
        sides: of the images, in pixels.

    Returns:
        (n, 1, ...) bool on the boxes' device.
    """
    inside = torch.ones((), dtype=torch.bool, device=boxes.device)
    for axis, size in enumerate(sides):
        centres = (torch.arange(size, device=boxes.device) + 0.5) / size
        within = (centres >= boxes[:, 0, axis, None]) & (centres < boxes[:, 1, axis, None])
        inside = inside & within.view(-1, 1, *[size if other == axis else 1 for other in range(len(sides))])
    return inside


def pair_boxes(n: int, axes: int) -> torch.Tensor:
    """Draw one box for each pair, from torch's default generator on the CPU.

    Its share of the image is of Beta(4, 4), its sides in the first two axes are equal parts of the image's, any third
    axis is taken whole; the centre lies anywhere but in the first eighth, and what passes the border is cut off.

    Args:
        n: images of this process, see :func:`exchange_boxes`.
        axes: of an image, 2 or 3.

    Returns:
        (n / 2, 2, axes) low and high corner, parts of the sides.

    Raises:
        ValueError: an image would be left without a partner.

    Source: Yun et al. 2019 (CutMix) with the box of TraCoCo (Liu et al. 2022): the paper of co-training gives none.
    """
    if n < 2 or n % 2:
        raise ValueError(
            f"Expected two unlabelled images or pairs of them in every step of a process for CutMix, got {n}. Give an "
            "even batch_size (a multiple of twice the number of processes), or cutmix: none."
        )
    u = uniform(n, 9)[: n // 2]
    share = u[:, :7].sort(dim=1).values[:, 3:4]  # the middle one of seven uniform draws is of Beta(4, 4)
    half, centre = share.sqrt() / 2, 0.125 + 0.875 * u[:, 7:9]
    boxes = torch.stack([centre - half, centre + half], dim=1).clamp(0, 1)
    whole = torch.tensor([0.0, 1.0]).expand(n // 2, 2)[:, :, None]
    return torch.cat([boxes, *[whole] * (axes - 2)], dim=2)


def exchange_boxes(values: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Let image i and image i + B / 2 exchange what lies in their box; doing so twice changes nothing.

    Args:
        values: (B, C, ...) images or label maps, B even.
        boxes: (B / 2, 2, axes) see :func:`pair_boxes`.

    Source: Kumari & Singh 2024 (arXiv 2405.07256), Fig. 3, CUT.
    """
    inside = box_mask(boxes.to(values.device), values.shape[2:])
    return torch.where(torch.cat([inside, inside]), values.roll(len(values) // 2, 0), values)

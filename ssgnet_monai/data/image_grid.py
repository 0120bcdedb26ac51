"""Grids of images, and PNG files from tensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ssgnet_monai.data.atomic_write import atomic_path


def image_grid(images: torch.Tensor, columns: int) -> torch.Tensor:
    """Lay images out row by row; missing places of the last row are black.

    Args:
        images: (N, C, H, W) float in [0, 1].
        columns: images per row.

    Returns:
        (C, rows * H, columns * W) float in [0, 1].
    """
    n, channels, height, width = images.shape
    rows = -(-n // columns)
    padded = torch.cat([images, images.new_zeros(rows * columns - n, channels, height, width)])
    grid = padded.reshape(rows, columns, channels, height, width).permute(2, 0, 3, 1, 4)
    return grid.reshape(channels, rows * height, columns * width).clamp(0, 1)


def write_image(path: str | Path, image: torch.Tensor, intensity_window: Sequence[float] = (0, 255)) -> None:
    """Write one image as PNG, atomically.

    Args:
        path: the file.
        image: (C, H, W) float in [0, 1], one or three channels.
        intensity_window: grey values that 0 and 1 become; above 255 the file has 16 bits (one channel only).
    """
    low, high = intensity_window
    values = image.detach().clamp(0, 1).cpu().movedim(0, -1).numpy() * (high - low) + low
    array = np.rint(values).astype(np.uint8 if high <= 255 else np.uint16)
    with atomic_path(path) as temporary:
        Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(temporary, format="PNG")

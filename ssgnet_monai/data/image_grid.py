"""Grids of images and 8-bit PNG files from tensors."""

from __future__ import annotations

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


def to_uint8(images: torch.Tensor) -> np.ndarray:
    """Images (..., C, H, W) float in [0, 1] as channel-last uint8; one channel loses its axis."""
    array = (images.clamp(0, 1) * 255).round().to(torch.uint8).movedim(-3, -1).cpu().numpy()
    return array[..., 0] if array.shape[-1] == 1 else array


def write_image(path: str | Path, image: torch.Tensor) -> None:
    """Write one image (C, H, W) float in [0, 1] as 8-bit PNG, atomically."""
    with atomic_path(path) as temporary:
        Image.fromarray(to_uint8(image)).save(temporary, format="PNG")

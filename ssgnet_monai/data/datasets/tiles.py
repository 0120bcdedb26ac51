"""Square tiles of annotated photographs, for classifying what a segmentation dataset shows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ssgnet_monai.data.image_files import SourceImage
from ssgnet_monai.data.image_io import write_image_png
from ssgnet_monai.data.mask_picture import read_mask
from ssgnet_monai.data.prepare.image import read_image
from ssgnet_monai.data.staging import StagingJob, stage_pictures

CLASSES = ("negative", "positive")


def tile_sources(
    images: Sequence[SourceImage], staging: Path, tile: int, min_fraction: float = 0.0
) -> list[SourceImage]:
    """Cut images into tiles that do not overlap, from the upper left; what remains at the other edges is left out.

    Args:
        images: with masks.
        staging: folder for the tiles.
        tile: side, in pixels of the source.
        min_fraction: a tile is positive if at least this share of its pixels, in [0, 1], and at least one pixel, is
            foreground.

    Returns:
        The tiles, "negative" or "positive". Those of an image are one group (the image's group, or itself) and keep
        its split.

    Raises:
        ValueError: unusable settings, images smaller than a tile, or tiles of one class only.
    """
    if not (isinstance(tile, int) and tile >= 1 and 0 <= min_fraction <= 1):
        raise ValueError(
            f"Expected tile of at least 1 pixel and min_fraction in [0, 1], got tile={tile} and "
            f"min_fraction={min_fraction}."
        )
    jobs = [StagingJob(image.stem, tuple(file for file in (image.image, image.mask) if file)) for image in images]
    found = stage_pictures(jobs, staging, lambda job: _cut(job, staging, tile), tile)
    least = max(1, math.ceil(min_fraction * tile**2))
    tiles = [
        replace(
            image, stem=Path(name).stem, image=staging / name, mask=None,
            class_name=CLASSES[foreground >= least], group=image.group or image.stem,
        )
        for image, made in zip(images, found, strict=True)
        for name, foreground in sorted(made.items())
    ]  # fmt: skip
    if len(classes := {image.class_name for image in tiles}) < 2:
        raise ValueError(
            f"Expected tiles with and without foreground, got {len(tiles)} tiles of {tile} pixels, all "
            f"{classes.pop()}. Choose another tile (now {tile}) or min_fraction (now {min_fraction})."
        )
    return tiles


def _cut(job: StagingJob, staging: Path, tile: int) -> dict[str, Any]:
    """Write the tiles of an image; their foreground pixels by name."""
    image, mask_file = job.sources
    mask, _ = read_mask(mask_file)
    values, _, _ = read_image(image)
    rows, columns = (side // tile for side in mask.shape)
    if rows * columns == 0 or values.shape[:2] != mask.shape:
        raise ValueError(
            f"Expected an image of at least {tile} x {tile} pixels and a mask of its size, got {values.shape[:2]} and "
            f"{mask.shape} (height, width) in {image}. Choose a smaller tile, or repair the file."
        )
    made = {}
    for row, column in itertools.product(range(rows), range(columns)):
        part = np.s_[row * tile : (row + 1) * tile, column * tile : (column + 1) * tile]
        name = f"{job.name}_{row:02d}_{column:02d}.png"
        write_image_png(staging / name, values[part])
        made[name] = int(mask[part].sum())
    return made

"""Volumes among training items: their slices, as items and as a cached dataset."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.data import CacheDataset

from ssgnet_monai.data.image_files import is_volume
from ssgnet_monai.data.volumes.view import mixed_planes, plane_name, slice_axis
from ssgnet_monai.data.volumes.volume import Volume

logger = logging.getLogger(__name__)


def slice_items(
    items: Iterable[Mapping[str, Any]], plane: str | None = None, spatial_dims: int = 2
) -> list[dict[str, Any]]:
    """Items of whole volumes become one item a slice, others stay.

    Args:
        items: with "image", the path of a picture or of a NIfTI volume.
        plane: along which volumes are cut, see ``slice_axis``.
        spatial_dims: of the network: with 3, all items stay.

    Returns:
        Items for ``LoadImageMaskd``; slices have "axis" and "slice".

    Raises:
        ValueError: a volume that cannot be used.
    """
    if spatial_dims == 3:
        return [dict(item) for item in items]
    found: list[dict[str, Any]] = []
    planes: dict[str, str] = {}
    for item in items:
        if not is_volume(item.get("image", "")) or "slice" in item:
            found.append(dict(item))
            continue
        volume = Volume(item["image"])
        axis = slice_axis(volume.affine, plane)
        planes[Path(volume.path).name] = plane_name(volume.affine, axis)
        found += [{**item, "axis": axis, "slice": index} for index in range(volume.shape[axis])]
    for warning in mixed_planes(planes):
        logger.warning("%s", warning)
    return found


def slices_by_volume(items: Sequence[Mapping[str, Any]]) -> dict[int, list[int]]:
    """Where the slices of one volume are: index of each slice -> indices of all slices of its volume."""
    volumes: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        if "slice" in item:
            volumes.setdefault(str(item["image"]), []).append(index)
    return {index: indices for indices in volumes.values() for index in indices}


class SliceDataset(CacheDataset):
    """MONAI's ``CacheDataset`` of pictures and of the slices of volumes.

    Args:
        data: see ``slice_items``.
        slice_plane: see ``slice_items``.
        options: further arguments of ``CacheDataset``.
    """

    def __init__(self, data: Iterable[Mapping[str, Any]], slice_plane: str | None = None, **options: Any) -> None:
        super().__init__(slice_items(data, slice_plane), **options)

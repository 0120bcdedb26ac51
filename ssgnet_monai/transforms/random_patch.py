"""Random crops of volumes: anywhere, or around a voxel of a class where a person has drawn it."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform, Randomizable

logger = logging.getLogger(__name__)

PLACES = "class_places"
PSEUDO = "pseudo_label"
"""Key of items whose label a model made."""
MOST_PLACES = 10_000


class ClassPlacesd(MapTransform):
    """Voxels of each class but the background, for crops around them; none for labels that a model made.

    A model's errors would otherwise be shown more often than its background.

    Args:
        keys: key of the label (1, X, Y, Z). Result under "class_places": a list of (n, 3) int64 arrays, at most 10,000
            voxels of each class that is there, evenly drawn.
        num_classes: K.
    """

    def __init__(self, keys: str, num_classes: int) -> None:
        super().__init__(keys, allow_missing_keys=True)
        self.num_classes = num_classes

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """A copy of ``data`` with the places."""
        result = {**data, PLACES: []}
        for key in self.key_iterator(dict(data)):
            if not data.get(PSEUDO):
                label = np.asarray(data[key])[0]
                result[PLACES] = [found for c in range(1, self.num_classes) if len(found := _places(label == c))]
        return result


class RandomPatchd(Randomizable, MapTransform):
    """The same random crop of image and label; a volume smaller than the patch stays whole there, which is told.

    Args:
        keys: of tensors (C, X, Y, Z) of one size; missing ones pass.
        patch_size: voxels along each axis.
        foreground_share: share of crops of labelled items around a voxel of a class, all classes being as likely; the
            others lie anywhere.

    The item gets "patch_start", the first voxel of the crop, (3,) int64.

    Raises:
        ValueError: a setting is outside its range.

    Source: Isensee et al. 2021, nnU-Net, oversampling of the foreground (a third of the crops).
    """

    def __init__(self, keys: Sequence[str], patch_size: Sequence[int], foreground_share: float = 0.33) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys=True)
        if isinstance(patch_size, int) or len(patch_size) != 3 or min(patch_size) < 1:
            raise ValueError(f"Expected patch_size of three lengths in voxels, such as [96, 96, 96], got {patch_size}.")
        if not 0 <= foreground_share <= 1:
            raise ValueError(f"Expected foreground_share in [0, 1], got {foreground_share}.")
        self.patch_size, self.foreground_share = tuple(int(side) for side in patch_size), foreground_share

    def draw_start(self, shape: Sequence[int], places: Sequence[np.ndarray] = ()) -> list[int]:
        """First voxel of a crop.

        Args:
            shape: (X, Y, Z) of the volume.
            places: see ``ClassPlacesd``.
        """
        room = [max(0, length - side) for length, side in zip(shape, self.patch_size, strict=True)]
        start = [int(self.R.randint(space + 1)) for space in room]
        if self.R.random_sample() < self.foreground_share and places:
            voxels = places[self.R.randint(len(places))]
            centre = voxels[self.R.randint(len(voxels))]
            middle = [int(at) - side // 2 for at, side in zip(centre, self.patch_size, strict=True)]
            start = [min(max(0, first), space) for first, space in zip(middle, room, strict=True)]
        return start

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """A copy of ``data`` with crops."""
        result = dict(data)
        image = result[self.first_key(result)]
        shape = tuple(image.shape[1:])
        if any(length < side for length, side in zip(shape, self.patch_size, strict=True)):
            tell_padded(str(getattr(image, "meta", {}).get("filename_or_obj", "a volume")), shape, self.patch_size)
        start = self.draw_start(shape, result.get(PLACES, ()))
        cut = (slice(None), *(slice(first, first + side) for first, side in zip(start, self.patch_size, strict=True)))
        for key in self.key_iterator(result):
            result[key] = result[key][cut]
        result["patch_start"] = torch.tensor(start)
        return result


@lru_cache(maxsize=10_000)
def tell_padded(name: str, shape: tuple[int, ...], patch_size: tuple[int, ...]) -> None:
    """Say once of each volume that it is smaller than the patch."""
    logger.warning("%s of %s voxels is smaller than patch_size %s and is padded.", name, shape, patch_size)


def _places(there: np.ndarray) -> np.ndarray:
    found = np.flatnonzero(there)
    found = found[:: max(1, -(-len(found) // MOST_PLACES))]
    return np.stack(np.unravel_index(found, there.shape), axis=1)

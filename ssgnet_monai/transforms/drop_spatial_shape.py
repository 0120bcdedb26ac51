"""Predictions that are no images: nothing may try to resize them to one."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.data import MetaTensor
from monai.transforms import MapTransform


class DropSpatialShaped(MapTransform):
    """Removes ``spatial_shape`` from an image's meta: the last postprocessing transform of a classifier.

    MONAI Label resizes every prediction to the image's ``spatial_shape`` and would fail on a vector of classes.

    Args:
        keys: keys of the images; those without meta pass as they are.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """A copy of ``data`` whose images' meta lacks the entry."""
        result = dict(data)
        for key in self.key_iterator(result):
            image = result[key]
            if isinstance(image, MetaTensor):
                meta = {name: value for name, value in image.meta.items() if name != "spatial_shape"}
                result[key] = MetaTensor(image.as_tensor(), meta=meta)
        return result

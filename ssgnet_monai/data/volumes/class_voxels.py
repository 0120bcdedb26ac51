"""From a source's mask volume to class numbers, layer by layer: a volume of CT has a hundred million voxels."""

from __future__ import annotations

import numpy as np

from ssgnet_monai.data.image_files import ImagePair
from ssgnet_monai.data.image_io import binarise_mask
from ssgnet_monai.data.label_map import LabelMap
from ssgnet_monai.data.volumes.mask_values import mask_values, whole_numbers
from ssgnet_monai.data.volumes.places import check_places
from ssgnet_monai.data.volumes.volume import Volume


def present_values(mask: Volume, threshold: int | None = None) -> np.ndarray:
    """The values that occur in a mask.

    Args:
        mask: the volume.
        threshold: see ``mask_values``.

    Returns:
        (n,) whole numbers, ascending.

    Raises:
        ValueError: fractions, or negative values.
    """
    layers = [np.unique(whole_numbers(mask.scaled_layer(k), mask.path)) for k in range(mask.shape[2])]
    return np.unique(mask_values(np.unique(np.concatenate(layers)), mask.path, threshold))


def class_voxels(mask: Volume, labels: LabelMap | None = None, threshold: int | None = None) -> np.ndarray:
    """The class of each voxel. The mask is looked at as a whole: a slice that holds label 2 alone looks binary.

    Args:
        mask: the volume.
        labels: the class of each value; None: of a binary mask.
        threshold: see ``binarise_mask``.

    Returns:
        (I, J, K) uint8, class numbers and 255.

    Raises:
        ValueError: fractions, negative values, a mask that is not binary or whose values are not named.
    """
    found = present_values(mask, threshold)
    if labels is None:
        numbers = binarise_mask(found, threshold=threshold, name=mask.path)[0].astype(np.uint8)
    else:
        numbers = labels.numbers(found, mask.path)
    classes = np.empty(mask.shape, np.uint8)
    for k in range(mask.shape[2]):
        classes[..., k] = numbers[np.searchsorted(found, np.rint(mask.scaled_layer(k)))]
    return classes


def pair_classes(pair: ImagePair, labels: LabelMap | None = None, threshold: int | None = None) -> np.ndarray:
    """The class of each voxel of a volume; of several masks, one for each class, later classes over earlier ones.

    Args:
        pair: a volume with its masks.
        labels: see :func:`class_voxels`; of several masks, the class of each part.
        threshold: see ``binarise_mask``.

    Returns:
        (I, J, K) uint8, class numbers and 255.

    Raises:
        ValueError: a mask on another grid than the volume, or see :func:`class_voxels`.
    """
    check_grids(pair)
    if labels is None or not pair.parts:
        return class_voxels(Volume(pair.masks[0]), labels, threshold)
    classes = np.zeros(Volume(pair.image).shape, np.uint8)
    for number, path in sorted((labels.parts[part], path) for part, path in zip(pair.parts, pair.masks, strict=True)):
        np.copyto(classes, np.uint8(number), where=class_voxels(Volume(path), None, threshold) > 0)
    return classes


def check_grids(pair: ImagePair) -> None:
    """Refuse masks on another grid than their volume, see ``check_places``."""
    volume = Volume(pair.image)
    for path in pair.masks:
        mask = Volume(path)
        check_places(volume.shape, volume.affine, mask.shape, mask.affine, path, pair.image)

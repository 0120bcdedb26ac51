"""Masks that a viewer saved: NIfTI or NRRD, of a volume or of one picture."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ssgnet_monai.data.image_files import is_volume
from ssgnet_monai.data.label_space import IGNORED, class_numbers
from ssgnet_monai.data.volumes.mask_values import mask_values
from ssgnet_monai.data.volumes.nrrd import read_layers
from ssgnet_monai.data.volumes.picture_grid import picture_affine, seen_by_itk, upright_from_itk
from ssgnet_monai.data.volumes.places import NEAR, other_places
from ssgnet_monai.data.volumes.segments import read_segments, segment_classes
from ssgnet_monai.data.volumes.view import slice_view
from ssgnet_monai.data.volumes.volume import Volume

logger = logging.getLogger(__name__)

NRRD = ".nrrd"
LABEL_INTENT = "label"
"""What NIfTI calls voxels that number classes; ours are marked so."""


def is_label_volume(path: str | Path) -> bool:
    """Whether a file is NIfTI or NRRD, by its name."""
    return is_volume(path) or str(path).lower().endswith(NRRD)


def read_label_volume(
    path: str | Path, num_classes: int = 2, label_names: Sequence[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Read a mask.

    Args:
        path: ``.nii``, ``.nii.gz`` or ``.nrrd``, also with segments, which may overlap.
        num_classes: K. With two classes every value above 0 is foreground, and all segments are united, except 255
            beside other ones or in a file of ours, whose NIfTI intent is "label".
        label_names: of the K classes, by which segments are known, see ``segment_classes``.

    Returns:
        ((I, J, K) uint8, class numbers and 255; (4, 4) affine to RAS+ mm).

    Raises:
        ValueError: unreadable, not two- or three-dimensional, fractions, negative values or no numbers of a class.
    """
    if is_volume(path):
        volume = Volume(path)
        values = mask_values(volume.scaled, path)
        indexed = volume.image.header.get_intent()[0] == LABEL_INTENT
        return _classes(values, num_classes, path, indexed=indexed), volume.affine
    layers, affine = read_layers(path)
    layers = mask_values(layers, path)
    if num_classes > 2:
        return segment_classes(layers, read_segments(path), num_classes, label_names, path), affine
    segments = len(np.unique(layers[layers > 0])) if layers.shape[-1] == 1 else layers.shape[-1]
    if segments > 1:
        logger.info("%s: its %d segments or layers of segments are united to one foreground.", path, segments)
    return _classes(layers.max(-1), num_classes, path), affine


def label_voxels(path: str | Path, image: Volume, num_classes: int = 2, label_names: Sequence[str] = ()) -> np.ndarray:
    """The mask of a volume, in the volume's own order of voxels.

    Args:
        path: see :func:`read_label_volume`.
        image: the volume. The mask must lie on its grid: on a part of it, as DICOM-SEG and cropped segments do, and in
            any order and direction of the axes.
        num_classes: K.
        label_names: see :func:`read_label_volume`.

    Returns:
        (I, J, K) uint8, class numbers and 255.

    Raises:
        ValueError: the mask lies on another grid.
    """
    mask, affine = read_label_volume(path, num_classes, label_names)
    placed = _on_grid(mask, np.linalg.inv(image.affine) @ affine, image.shape)
    if placed is None:
        raise other_places(image.shape, image.affine, mask.shape, affine, path, image.path)
    return placed


def label_slices(
    path: str | Path, image: Volume, axis: int, num_classes: int = 2, label_names: Sequence[str] = ()
) -> np.ndarray:
    """The masks of all slices of a volume, cut along an array axis; see :func:`label_voxels`.

    Returns:
        (N, H, W) uint8, class numbers and 255, upright as ``slice_view`` has it.
    """
    return slice_view(label_voxels(path, image, num_classes, label_names), image.affine, axis)


def picture_label(
    path: str | Path, image: str | Path, shape: tuple[int, int], num_classes: int = 2, label_names: Sequence[str] = ()
) -> np.ndarray:
    """The mask of a picture that a viewer saved as a volume of one slice, turned to the picture's rows and columns.

    Args:
        path: see :func:`read_label_volume`. One of another resolution or position than the picture's is taken as drawn
            on its pixels.
        image: the picture.
        shape: (H, W) of the picture, upright.
        num_classes: K.
        label_names: see :func:`read_label_volume`.

    Returns:
        (H, W) uint8, class numbers and 255, upright: the viewer may have shown the picture as it is stored.

    Raises:
        ValueError: another size, or more slices.
    """
    mask, affine = read_label_volume(path, num_classes, label_names)
    grid = picture_affine(image)
    rows, columns = seen_by_itk(np.zeros(shape, bool), image).shape
    placed = None
    if mask.size == rows * columns:  # a smaller one is of another size, not a part
        placed = _on_grid(mask, np.linalg.inv(grid) @ affine, (columns, rows, 1))
    if placed is None:
        placed = _turned(mask, np.linalg.inv(_directions(grid)) @ _directions(affine))
    if placed is None or placed.shape != (columns, rows, 1):
        raise ValueError(
            f"Expected a mask of one slice of {(rows, columns)} pixels (height, width), got {mask.shape} (columns, "
            f"rows, slices) in {path}. Save the segmentation on the picture's own grid."
        )
    return upright_from_itk(placed[..., 0].T, image)


def _directions(affine: np.ndarray) -> np.ndarray:
    return affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)


def _turned(mask: np.ndarray, change: np.ndarray) -> np.ndarray | None:
    """A mask with its axes in the order and directions of another grid; ``change`` maps its steps to that grid's.

    None: steps between the voxels.
    """
    whole = change.round()
    turn = np.abs(whole)
    if (turn.sum(0) != 1).any() or (turn.sum(1) != 1).any() or np.abs(change - whole).max() > NEAR:
        return None
    axes = turn.argmax(1)
    return mask.transpose(axes)[tuple(slice(None, None, int(whole[i, axis])) for i, axis in enumerate(axes))]


def _on_grid(mask: np.ndarray, change: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """A mask among the voxels of a grid; ``change`` maps its indices to theirs. None: they lie at other places."""
    corners = np.array([(*(np.array(c) * (np.array(mask.shape) - 1)), 1) for c in np.ndindex(2, 2, 2)])
    places = (corners @ change.T)[:, :3]
    first, last = places.min(0).round().astype(int), places.max(0).round().astype(int)
    turned = _turned(mask, change[:3, :3])
    if turned is None or np.abs(places - places.round()).max() > NEAR or (first < 0).any() or (last >= shape).any():
        return None
    if turned.shape != tuple(last - first + 1):  # other spacing, by a whole voxel at the far corner
        return None
    placed = np.zeros(shape, mask.dtype)
    placed[tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))] = turned
    return placed


def _classes(values: np.ndarray, num_classes: int, path: str | Path, *, indexed: bool = False) -> np.ndarray:
    if num_classes > 2 or indexed:
        return class_numbers(values, num_classes, path, indexed=indexed)
    foreground = values > 0
    classes = foreground.astype(np.uint8)
    if (foreground & (values != IGNORED)).any():
        classes[values == IGNORED] = IGNORED
    return classes

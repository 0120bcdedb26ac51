"""What a network is applied to: a folder's pictures, the slices of its volumes too, or its volumes as wholes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from ssgnet_monai.data.dicom.survey import check_pictures
from ssgnet_monai.data.image_files import find_images, is_dicom, is_volume, listed
from ssgnet_monai.data.pair_files import pair_files, refuse_mask_folders, refuse_masks
from ssgnet_monai.data.volumes.view import mixed_planes, plane_name, slice_axis
from ssgnet_monai.data.volumes.volume import Volume

logger = logging.getLogger(__name__)


def inference_items(folder: str | Path, slice_plane: str | None = None) -> list[dict[str, Any]]:
    """List the pictures and the slices of NIfTI volumes in a folder and below; voxels are not read yet.

    Args:
        folder: of pictures, also DICOM, of volumes, or both.
        slice_plane: how volumes are cut, as in training: see ``slice_axis``.

    Returns:
        Items for ``LoadImageMaskd`` and ``SaveMaskd``: ``image``, ``axis`` and ``slice``, the latter 0 for a picture;
        the slices of a volume one after another.

    Raises:
        ValueError: two files of one stem (their masks would be one file), masks beside their images, a volume that
            cannot be used, or DICOM files other than single pictures.
    """
    items, planes = [], {}
    files = find_images(Path(folder))
    refuse_mask_folders(files, Path(folder))
    check_pictures([file for file in files if is_dicom(file)])
    for pair in pair_files(files, None):
        axis, length = 0, 1
        if is_volume(pair.image):
            volume = Volume(pair.image)
            axis = slice_axis(volume.affine, slice_plane)
            length = volume.shape[axis]
            planes[pair.image.name] = plane_name(volume.affine, axis)
        items += [{"image": str(pair.image), "axis": axis, "slice": index} for index in range(length)]
    for warning in mixed_planes(planes):
        logger.warning("%s", warning)
    return items


def picture_items(folder: str | Path) -> list[dict[str, Any]]:
    """List the pictures in a folder and below, for a classifier.

    Args:
        folder: of pictures, also DICOM.

    Returns:
        Items for ``LoadImageMaskd``: ``image``.

    Raises:
        ValueError: volumes, whose slices would each be given a class, masks beside their images, or DICOM files other
            than single pictures.
    """
    files = find_images(Path(folder))
    refuse_mask_folders(files, Path(folder))
    if volumes := [file for file in files if is_volume(file)]:
        raise ValueError(
            f"Expected pictures, got {len(volumes)} NIfTI volumes in {folder}: {listed(volumes)}. Save the slices to "
            "be classified as PNG."
        )
    check_pictures([file for file in files if is_dicom(file)])
    refuse_masks(files, files)
    return [{"image": str(file)} for file in files]


def volume_items(folder: str | Path) -> list[dict[str, Any]]:
    """List the NIfTI volumes in a folder and below, for a segmenter of three dimensions; voxels are not read yet.

    Args:
        folder: of volumes.

    Returns:
        Items for ``LoadVolumed``: ``image``.

    Raises:
        ValueError: pictures, two files of one stem, masks beside their images, or a volume that cannot be used.
    """
    files = find_images(Path(folder))
    refuse_mask_folders(files, Path(folder))
    if pictures := [file for file in files if not is_volume(file)]:
        raise ValueError(
            f"Expected NIfTI volumes for a network of three dimensions, got {len(pictures)} pictures in {folder}: "
            f"{listed(pictures)}. Convert DICOM series to NIfTI (dcm2niix), or use a segmenter of pictures."
        )
    return [{"image": Volume(pair.image).path} for pair in pair_files(files, None)]

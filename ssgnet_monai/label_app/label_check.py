"""What a saved label must be: readable, of the bundle's classes, and on its image's grid. Said to who saves it."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

from ssgnet_monai.data.dicom.dicom_file import read_picture
from ssgnet_monai.data.image_files import is_dicom, is_volume
from ssgnet_monai.data.image_io import picture_values
from ssgnet_monai.data.open_picture import MAX_MEGAPIXELS, open_picture
from ssgnet_monai.data.volumes.label_volume import is_label_volume, label_voxels
from ssgnet_monai.data.volumes.nrrd import read_layers
from ssgnet_monai.data.volumes.volume import Volume
from ssgnet_monai.transforms import LoadImageMaskd, LoadVolumed


def check_label(
    image: str | Path, label: str | Path, load: LoadImageMaskd | LoadVolumed | None = None, num_classes: int = 2
) -> None:
    """Read a label with its image as training does.

    Args:
        image: a picture or a volume.
        label: its mask.
        load: the loader of the training; None: one that takes every grey level, as for a label that is just saved.
        num_classes: K, where there is no loader to say so.

    Raises:
        ValueError: an empty or unreadable file, several segments of two classes, values that are no classes, or
            another grid than the image's.
    """
    name = Path(image).name
    if not Path(label).stat().st_size:
        raise ValueError(f"Expected a mask for {name}, got an empty file. Submit the label again.")
    try:
        if (load.num_classes if load else num_classes) == 2 and is_label_volume(label):
            _one_segment(label)
        read_label(image, label, num_classes, load)
    except Exception as error:  # whatever a damaged file leads to in its reader
        raise ValueError(f"Expected a mask that fits {name}, got one that training cannot use: {error}") from error


def read_label(
    image: str | Path,
    label: str | Path,
    num_classes: int = 2,
    load: LoadImageMaskd | LoadVolumed | None = None,
) -> np.ndarray:
    """A label on its image's grid.

    Args:
        image: a picture or a volume.
        label: see ``check_label``, like the other arguments.

    Returns:
        uint8, class numbers and 255: (I, J, K) in the volume's order, or (H, W) of an upright picture.

    Raises:
        ValueError: see ``check_label``.
    """
    if is_volume(image):
        if not is_label_volume(label):
            raise ValueError("Expected a NIfTI or NRRD mask for a volume, got a picture. Save it as .nii.gz.")
        known_by = (load.num_classes, load.label_names) if load else (num_classes,)
        return label_voxels(label, Volume(image), *known_by)
    load = load or _of_any_depth(image, num_classes)
    item = load({"image": str(image), "label": str(label)})
    drawn, there = (tuple(item[key].shape[1:]) for key in ("label", "image"))
    if drawn != there:
        raise ValueError(f"Expected {there} pixels (height, width), got {drawn}. Save it on its grid.")
    return item["label"].numpy()[0].astype(np.uint8)


def _of_any_depth(image: str | Path, num_classes: int) -> LoadImageMaskd:
    if is_dicom(image):
        values = read_picture(image, MAX_MEGAPIXELS)
    else:
        with open_picture(image) as picture:
            values = picture_values(picture)
    return LoadImageMaskd((0, 65535) if values.dtype == np.uint16 else (0, 255), num_classes=num_classes)


def _one_segment(label: str | Path) -> None:
    values = np.asarray(nibabel.load(label).dataobj) if is_volume(label) else read_layers(label)[0]  # type: ignore[attr-defined]
    drawn = values[values > 0]
    layered = values.ndim == 4 and (values > 0).any((0, 1, 2)).sum() > 1
    if layered or (drawn.size and drawn.min() != drawn.max()):
        raise ValueError(
            f"Expected one segment, got several (values {drawn.min():g} to {drawn.max():g}), which would train as one. "
            "Keep one segment in Slicer's Segment Editor, or merge them there, and submit again."
        )

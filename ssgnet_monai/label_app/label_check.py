"""What a saved label must be: readable, one segment, and on its image's grid. Said to the clinician who saves it."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

from ssgnet_monai.data.dicom.dicom_file import read_picture
from ssgnet_monai.data.image_files import is_dicom, is_volume
from ssgnet_monai.data.image_io import picture_values
from ssgnet_monai.data.open_picture import MAX_MEGAPIXELS, open_picture
from ssgnet_monai.data.volumes.label_volume import is_label_volume, label_slices
from ssgnet_monai.data.volumes.nrrd import read_nrrd
from ssgnet_monai.data.volumes.slice_reader import SliceReader
from ssgnet_monai.transforms import LoadImageMaskd


def check_label(image: str | Path, label: str | Path, load: LoadImageMaskd | None = None) -> None:
    """Read a label with its image as training does.

    Args:
        image: a picture or a volume.
        label: its mask.
        load: the loader of the training; None: one that takes every grey level, as for a label that is just saved.

    Raises:
        ValueError: an empty or unreadable file, several segments, or another grid than the image's.
    """
    name = Path(image).name
    if not Path(label).stat().st_size:
        raise ValueError(f"Expected a mask for {name}, got an empty file. Submit the label again.")
    try:
        if is_label_volume(label):
            _one_segment(label)
        if is_volume(image):
            if not is_label_volume(label):
                raise ValueError("Expected a NIfTI or NRRD mask for a volume, got a picture. Save it as .nii.gz.")
            label_slices(label, SliceReader(None).volume(str(image)), 2)
        else:
            item = (load or _of_any_depth(image))({"image": str(image), "label": str(label)})
            drawn, there = (tuple(item[key].shape[1:]) for key in ("label", "image"))
            if drawn != there:
                raise ValueError(f"Expected {there} pixels (height, width), got {drawn}. Save it on its grid.")
    except Exception as error:  # whatever a damaged file leads to in its reader
        raise ValueError(f"Expected a mask that fits {name}, got one that training cannot use: {error}") from error


def _of_any_depth(image: str | Path) -> LoadImageMaskd:
    if is_dicom(image):
        values = read_picture(image, MAX_MEGAPIXELS)
    else:
        with open_picture(image) as picture:
            values = picture_values(picture)
    return LoadImageMaskd((0, 65535) if values.dtype == np.uint16 else (0, 255))


def _one_segment(label: str | Path) -> None:
    values = np.asarray(nibabel.load(label).dataobj) if is_volume(label) else read_nrrd(label)[0]  # type: ignore[attr-defined]
    drawn = values[values > 0]
    if drawn.size and drawn.min() != drawn.max():
        raise ValueError(
            f"Expected one segment, got several (values {drawn.min():g} to {drawn.max():g}), which would train as one. "
            "Keep one segment in Slicer's Segment Editor, or merge them there, and submit again."
        )

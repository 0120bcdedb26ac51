"""From the segments that a viewer submits to class numbers: by their names, in whatever order they are numbered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssgnet_monai.data.image_files import is_volume
from ssgnet_monai.data.image_io import write_label_png
from ssgnet_monai.data.label_picture import coded_values
from ssgnet_monai.data.label_space import IGNORED
from ssgnet_monai.data.open_picture import open_picture
from ssgnet_monai.data.orientation import orientation_of, turn_upright
from ssgnet_monai.data.volumes.label_volume import is_label_volume
from ssgnet_monai.data.volumes.mask_values import mask_values
from ssgnet_monai.data.volumes.nifti_file import write_nifti
from ssgnet_monai.data.volumes.nrrd import read_layers
from ssgnet_monai.data.volumes.segments import Segment, read_segments, segment_classes, simple_name
from ssgnet_monai.data.volumes.volume import Volume


def numbered_label(label: Path, names: Sequence[str], listed: Sequence[Mapping[str, Any]], folder: Path) -> Path:
    """A file of class numbers: the submitted one, where its values are these, else one that is written.

    Args:
        label: see ``submitted_classes``, like ``names`` and ``listed``.
        folder: for the file that is written, NIfTI of a volume or PNG of a picture.

    Raises:
        ValueError: see ``submitted_classes``.
    """
    classes, affine, same = submitted_classes(label, names, listed)
    if same:
        return label
    if affine is None:
        write_label_png(written := folder / "label.png", classes)
    else:
        write_nifti(written := folder / "label.nii.gz", classes, affine, labels=True)
    return written


def submitted_classes(
    label: Path, names: Sequence[str], listed: Sequence[Mapping[str, Any]]
) -> tuple[np.ndarray, np.ndarray | None, bool]:
    """The classes of a submitted label of more than two.

    Args:
        label: a picture, NIfTI or NRRD. The names in a ``.seg.nrrd`` count before ``listed``; without either its values
            are class numbers.
        names: of the classes.
        listed: what the viewer says of its segments, in their order: ``{"name": ..., "idx": ...}``.

    Returns:
        (class numbers and 255, uint8: (I, J, K) of a volume, (H, W) upright of a picture; the volume's affine;
        whether the file's own values are these numbers).

    Raises:
        ValueError: segments or values that are no classes, or several readings of their numbers.
    """
    if is_label_volume(label):
        layers, affine = _layers(label)
    else:
        with open_picture(label) as image:
            image.load()
            values, colour = coded_values(image, label.name)
            if colour:
                raise ValueError(f"Expected class numbers, got colours. Save numbers of {_known(names)}.")
            layers, affine = turn_upright(values, orientation_of(image))[..., None, None], None
    segments = read_segments(label) if str(label).endswith(".nrrd") else []
    present = [int(value) for value in np.unique(layers) if value]
    if not segments:
        segments = listed_segments(present, listed)
    known = {simple_name(name) for name in names}
    wrong = [
        segment.name
        for segment in segments
        if simple_name(segment.name) not in known and (layers[..., segment.layer] == segment.value).any()
    ]
    if wrong:
        raise ValueError(
            f"Expected segments called {_known(names)}, got {', '.join(map(repr, wrong))}. Rename the segments in "
            "Slicer's Segment Editor, or remove those that are of no class, and submit again."
        )
    numbers = set(range(1, len(names)))
    if not segments and (set(present) - numbers - {IGNORED} or present == [IGNORED]):
        raise ValueError(
            f"Expected the numbers of {_known(names)}, got values {', '.join(map(str, present[:8]))}. Save class "
            f"numbers, {IGNORED} only where the class is not known."
        )
    classes = segment_classes(layers, segments, len(names), names, label.name)
    same = layers.shape[-1] == 1 and np.array_equal(layers[..., 0], classes)
    return (classes, affine, same) if affine is not None else (classes[..., 0], None, same)


def listed_segments(present: Sequence[int], listed: Sequence[Mapping[str, Any]]) -> list[Segment]:
    """Segments that a viewer lists beside a file without names.

    3D Slicer's module numbers them by their order in the list, while "idx" counts those too that it leaves out, such
    as "background"; other programs number by "idx".

    Args:
        present: values of the file, without 0.
        listed: ``{"name": ..., "idx": ...}`` of each segment; nothing where nothing is known.

    Raises:
        ValueError: neither fits the values, or both fit and name different segments.
    """
    if not listed or not present:
        return []
    by_place = {place: str(entry.get("name", "")) for place, entry in enumerate(listed, start=1)}
    by_number = {entry.get("idx"): str(entry.get("name", "")) for entry in listed}
    readings = [reading for reading in (by_place, by_number) if set(present) <= {*reading, IGNORED}]
    shown = [[Segment(reading[value], value, 0) for value in present if value in reading] for reading in readings]
    if not shown or any(reading != shown[0] for reading in shown):
        raise ValueError(
            f"Expected one name for each value, got values {', '.join(map(str, present[:8]))} and segments "
            f"{', '.join(str(dict(entry)) for entry in listed)}. Remove the segments that are of no class, such as "
            "'background', and submit again."
        )
    return shown[0]


def _layers(label: Path) -> tuple[np.ndarray, np.ndarray]:
    if is_volume(label):
        volume = Volume(label)
        return mask_values(volume.scaled, label.name)[..., None], volume.affine
    layers, affine = read_layers(label)
    return mask_values(layers, label.name), affine


def _known(names: Sequence[str]) -> str:
    return ", ".join(f"{name!r} ({number})" for number, name in enumerate(names) if number)

"""Segments of a ``.seg.nrrd`` file and the classes that they are, by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ssgnet_monai.data.label_space import class_numbers

FIELD = re.compile(r"Segment(\d+)_(Name|LabelValue|Layer):=(.*)")
NO_NAME = re.compile(r"(segment|label|class)?[\W_]*\d*")
"""What viewers call a segment that nobody has named."""


class Segment(NamedTuple):
    """A segment: its name, and where its voxels are."""

    name: str
    value: int
    layer: int


def read_segments(path: str | Path) -> list[Segment]:
    """The segments that the header of an NRRD file names, in its order; none for other files."""
    found: dict[int, dict[str, str]] = {}
    with open(path, "rb") as file:
        for line in iter(file.readline, b""):
            text = line.decode("utf-8", "replace").strip()
            if not text:
                break
            if field := FIELD.fullmatch(text):
                found.setdefault(int(field[1]), {})[field[2]] = field[3].strip()
    return [
        Segment(fields.get("Name", ""), int(fields["LabelValue"]), int(fields.get("Layer", 0)))
        for _, fields in sorted(found.items())
        if fields.get("LabelValue", "").isdigit() and fields.get("Layer", "0").isdigit()
    ]


def segment_classes(
    layers: np.ndarray, segments: Sequence[Segment], num_classes: int, names: Sequence[str], path: str | Path
) -> np.ndarray:
    """The class of each voxel of a segmentation, later classes over earlier ones.

    Args:
        layers: (I, J, K, L) whole numbers, L layers.
        segments: what the file says of them.
        num_classes: K.
        names: of the classes; a segment is the class of its name, whatever its number. Where there are no names, or
            nobody has named the segments, their numbers are those of classes.
        path: for messages.

    Returns:
        (I, J, K) uint8, class numbers and 255.

    Raises:
        ValueError: segments of other names, or numbers that are no classes or mean two things.
    """
    here = [segment for segment in segments if (layers[..., segment.layer] == segment.value).any()]
    known = {simple_name(name): number for number, name in enumerate(names)}
    wrong = [segment.name for segment in here if simple_name(segment.name) not in known]
    unnamed = wrong and all(NO_NAME.fullmatch(simple_name(segment.name)) for segment in here)
    if not names or not here or unnamed:
        return _by_value(layers, num_classes, path)
    left = set(_values(layers)) - {(segment.layer, segment.value) for segment in here}
    if wrong or left:
        found = ", ".join(map(repr, wrong)) or f"voxels of no segment (value {min(left)[1]})"
        raise ValueError(
            f"Expected segments called {', '.join(map(repr, names[1:]))}, got {found} in {path}. Rename the segments, "
            "or remove those that are of no class."
        )
    classes = np.zeros(layers.shape[:3], np.uint8)
    for number, segment in sorted((known[simple_name(segment.name)], segment) for segment in here):
        classes[layers[..., segment.layer] == segment.value] = number
    return classes


def _by_value(layers: np.ndarray, num_classes: int, path: str | Path) -> np.ndarray:
    found = [value for _, value in _values(layers)]
    if len(set(found)) < len(found):
        raise ValueError(
            f"Expected segments with names or with numbers of their own, got value {max(found, key=found.count)} in "
            f"several layers of {path}. Name the segments as the classes are called, and save again."
        )
    return class_numbers(layers.max(-1), num_classes, path)


def _values(layers: np.ndarray) -> list[tuple[int, int]]:
    """(layer, value) of all that is marked."""
    return [(k, int(value)) for k in range(layers.shape[-1]) for value in np.unique(layers[..., k]) if value]


def simple_name(name: str) -> str:
    """A name without what viewers change in it: case, spaces and signs."""
    return re.sub(r"[\W_]+", " ", name).strip().casefold()

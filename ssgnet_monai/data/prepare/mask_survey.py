"""What the masks of a whole dataset hold, and what that means: one foreground, classes, or nothing without a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from skimage.measure import label as connected

from ssgnet_monai.data.image_io import binarise_mask
from ssgnet_monai.data.label_map import HOW, MOST_SHOWN, LabelMap, binary, colour_code, colour_name, example, read_off
from ssgnet_monai.data.label_picture import coded_values
from ssgnet_monai.data.label_space import MOST_CLASSES
from ssgnet_monai.data.mask_picture import mask_values
from ssgnet_monai.data.open_picture import open_picture
from ssgnet_monai.data.picture_layout import white_is_zero

WHITE = ({1, 255}, {1, 65535})
"""Foreground values that mean the same in one dataset."""
RARE = 0.1
FEW_CLASSES = 2
MANY_CLASSES = 16
THRESHOLD = "if they number objects, prepare with mask_threshold=0 (--mask-threshold 0): values above 0 are foreground"


def survey_mask(path: Path, max_megapixels: float) -> dict[str, Any]:
    """What a mask picture holds.

    Args:
        path: the file.
        max_megapixels: most millions of pixels.

    Returns:
        ``problem``: why it is not binary, or ""; ``background``: whether 0 or black occurs; ``values``: the others that
        do, grey values, palette indices or colours as ``#rrggbb``, at most ``MOST_SHOWN`` + 1, or None where edges are
        smooth or nothing is exact; ``scattered``: how many of them lie in several places.

    Raises:
        ValueError: an unreadable picture.
    """
    with open_picture(path, max_megapixels) as image:
        image.load()
        lossy = image.format == "JPEG"
        problem, smooth = "", lossy or white_is_zero(image)
        try:
            values = mask_values(image, str(path))
            smooth |= "edges" in binarise_mask(values, lossy=lossy, name=str(path))[1]
        except ValueError as error:
            problem = str(error)
        if smooth:
            return {"problem": problem, "background": True, "values": None, "scattered": 0}
        codes, colour = coded_values(image, str(path))
        codes = codes if problem or colour else values
    found = [int(value) for value in np.unique(codes)[: MOST_SHOWN + 2]]
    marked = [value for value in found if value]
    return {
        "problem": problem,
        "background": 0 in found,
        "values": [colour_name(value) for value in marked] if colour else marked,
        "scattered": _scattered(codes) if 1 < len(marked) < MOST_SHOWN else 0,
    }


def may_be_classes(found: Mapping[str, Any]) -> bool:
    """Whether a mask has so few exact values that they may be classes; ``found`` is of :func:`survey_mask`."""
    return found["values"] is not None and len(found["values"]) <= MOST_SHOWN


def decide_labels(masks: Sequence[Path], contents: Sequence[Mapping[str, Any]], foreground: str) -> LabelMap:
    """What the masks of a dataset mean, where nobody says it.

    Args:
        masks: the files.
        contents: of :func:`survey_mask`, in the same order.
        foreground: name of the one class of binary masks.

    Returns:
        Binary masks, or classes 1, 2, ... without names of their own.

    Raises:
        ValueError: something else; how to say what it is.
    """
    exact = [found for found in contents if found["values"] is not None]
    marked = {value for found in exact for value in found["values"]}
    colours = sorted(value for value in marked if isinstance(value, str))
    values = sorted(value for value in marked if isinstance(value, int))
    problems = [found["problem"] for found in contents if found["problem"]]
    if not problems and len(colours) < 2 and (len(values) < 2 or any(set(values) <= white for white in WHITE)):
        return binary(foreground)
    background = any(found["background"] for found in exact)
    few = len(marked) <= MOST_SHOWN and all(map(may_be_classes, contents))
    if problems and (not few or len(marked) + background < 3):  # photographs, JPEG, two values of which none is 0
        raise ValueError(f"{len(problems)} of {len(masks)} images: {' | '.join(problems[:5])}")
    if colours or not few or not background or values != list(range(1, min(len(values) + 1, MOST_CLASSES))):
        raise ValueError(_unclear(masks, contents, colours, values, background))
    if len(values) > FEW_CLASSES and _number_objects(exact):
        raise ValueError(
            f"Expected masks of two values or of classes, got the values 0 to {values[-1]}, as many as each "
            f"of {len(masks)} masks needs, such as {_such_as(masks, contents)}: they may number objects or be classes. "
            f"{THRESHOLD[0].upper()}{THRESHOLD[1:]}; if they are classes, name them with {HOW} holding "
            f"{example(values)}."
        )
    return read_off(values[-1])


def label_notes(labels: LabelMap, contents: Sequence[Mapping[str, Any]]) -> list[str]:
    """What to tell of classes that were read off the masks."""
    if labels.source or len(labels.names) == 2:
        return []
    told = (
        f"The mask values 0 to {len(labels.names) - 1} are taken as classes: {', '.join(labels.names)}. Name them with "
        f"{HOW} holding {example(range(1, len(labels.names)))}"
    )
    exact = [found for found in contents if found["values"] is not None]
    return [f"{told}; {THRESHOLD}." if _number_objects(exact) else f"{told}."]


def _unclear(
    masks: Sequence[Path],
    contents: Sequence[Mapping[str, Any]],
    colours: Sequence[str],
    values: Sequence[int],
    background: bool,
) -> str:
    greys = [colour_name((value & 255) * colour_code(1, 1, 1)) for value in values]
    keys: list[int | str] = [*colours, *greys] if colours else [*values]
    shown = [*(["#000000"] if colours else [0]) * background, *keys]
    return (
        f"Expected masks of two values or of class numbers 0, 1, 2, ..., got the {'colours' if colours else 'values'} "
        f"{', '.join(map(str, shown))} in {len(masks)} masks, such as {_such_as(masks, contents)}. Say what they mean "
        f"with {HOW} holding {example(keys)}, with names of your own"
        + (f"; {THRESHOLD}." if background and not colours else ".")
    )


def _such_as(masks: Sequence[Path], contents: Sequence[Mapping[str, Any]]) -> str:
    fullest = max(range(len(masks)), key=lambda index: len(contents[index]["values"] or ()))
    return str(masks[fullest])


def _number_objects(contents: Sequence[Mapping[str, Any]]) -> bool:
    """Whether values may count the objects of each mask: 1 to n without a gap, each in one place, n from mask to mask.

    Classes leave gaps, lie in several places, or occur together in every mask.
    """
    marked = [(found, found["values"]) for found in contents if found["values"]]
    regions = sum(len(values) for _, values in marked)
    gaps = sum(len(values) < values[-1] for _, values in marked)
    scattered = sum(found["scattered"] for found, _ in marked)
    differ = len({tuple(values) for _, values in marked}) > 1
    gapless = gaps <= RARE * len(marked) or max(values[-1] for _, values in marked) > MANY_CLASSES
    return differ and scattered <= RARE * regions and gapless


def _scattered(codes: np.ndarray) -> int:
    regions = connected(codes, background=0, connectivity=2)
    _, first = np.unique(regions, return_index=True)
    places = Counter(int(value) for value in codes.ravel()[first] if value)
    return sum(number > 1 for number in places.values())

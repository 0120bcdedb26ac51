"""What mask values mean: class numbers 0 to K - 1, and one code for "not known"; from logits to files and back.

A mask holds the number of a class in each pixel or voxel, on disk and in tensors. Two classes, background and one
lesion, are the case K = 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

IGNORED = 255
"""The mask value of what is not known: it counts in no loss and no score."""
MOST_CLASSES = IGNORED
COLOURS = (
    (0, 0, 0), (230, 75, 53), (77, 187, 213), (0, 160, 135), (244, 200, 77), (145, 97, 205), (243, 155, 127),
    (132, 190, 60), (220, 80, 160), (60, 84, 180), (176, 136, 96), (145, 209, 194), (200, 200, 60), (255, 170, 220),
    (90, 140, 60), (160, 40, 60),
)  # fmt: skip
"""Of class 0, 1, ...; further classes take those after the first again."""
FURTHER = COLOURS[1:]
PALETTE = [
    value
    for colour in (COLOURS[0], *(FURTHER[index % len(FURTHER)] for index in range(IGNORED - 1)), (255, 255, 255))
    for value in colour
]
"""Red, green and blue of the values 0 to 255, one after the other, as Pillow takes them."""


def label_names(labels: Mapping[str, str]) -> list[str]:
    """The names of mask values 0, 1, ....

    Args:
        labels: value -> name, as a datalist's ``labels``: ``{"0": "background", "1": "lesion"}``.

    Returns:
        K names.

    Raises:
        ValueError: fewer than two values, more than 255, a gap between them, or two classes of one name.
    """
    numbers = sorted((int(value), str(name)) for value, name in labels.items())
    if [number for number, _ in numbers] != list(range(len(numbers))) or not 2 <= len(numbers) <= MOST_CLASSES:
        raise ValueError(
            f"Expected labels of the mask values 0, 1, ... without a gap, at least two and at most {MOST_CLASSES}, got "
            f"{dict(labels)}. Map other values with --labels when the data are prepared."
        )
    names = [name for _, name in numbers]
    if len(set(names)) < len(names):
        raise ValueError(f"Expected a name of its own for each label, got {names}.")
    return names


def resolved_label_names(names: Sequence[str] | None, datalist: Mapping[str, Any]) -> list[str]:
    """Names of mask values 0, 1, ...: those that are given, else a datalist's, else of background and foreground.

    Raises:
        ValueError: see :func:`label_names`.
    """
    labels = datalist.get("labels") if names is None else {str(value): name for value, name in enumerate(names)}
    return label_names(labels or {"0": "background", "1": "foreground"})


def count_classes(names: Sequence[str] | None, datalist: Mapping[str, Any]) -> int:
    """K: of names that are given, else of a datalist's ``labels``, else 2.

    Raises:
        ValueError: see :func:`label_names`.
    """
    return len(resolved_label_names(names, datalist))


def to_probabilities(logits: torch.Tensor) -> torch.Tensor:
    """The probability of each class, from a network's logits.

    Args:
        logits: (B, 1, ...), the logit of the foreground of two classes, or (B, K, ...), floating point.

    Returns:
        (B, K, ...) float32, in [0, 1], sums to 1 over the classes.
    """
    logits = logits.float()
    if logits.shape[1] > 1:
        return logits.softmax(1)
    foreground = logits.sigmoid()
    return torch.cat([1 - foreground, foreground], dim=1)


def decide(probabilities: torch.Tensor, threshold: float = 0.5) -> torch.Tensor:
    """The class of each pixel.

    Args:
        probabilities: (B, K, ...).
        threshold: with two classes, the probability from which a pixel is foreground; with more, the most probable
            class is taken.

    Returns:
        (B, 1, ...) uint8, class numbers.
    """
    if probabilities.shape[1] == 2:
        return (probabilities[:, 1:] >= threshold).to(torch.uint8)
    return probabilities.argmax(1, keepdim=True).to(torch.uint8)


def mask_image(classes: np.ndarray) -> Image.Image:
    """A mask as a palette picture: its pixels hold class numbers, a viewer shows colours.

    Args:
        classes: (H, W) uint8, class numbers and ``IGNORED``, which is shown white.

    Returns:
        A Pillow image of mode ``P``.
    """
    image = Image.fromarray(np.ascontiguousarray(classes, dtype=np.uint8), mode="L")
    image.putpalette(PALETTE)  # the mode becomes P
    return image


def class_numbers(values: np.ndarray, num_classes: int, name: Any, *, indexed: bool = False) -> np.ndarray:
    """The class numbers of a prepared mask.

    Args:
        values: whole numbers of any shape.
        num_classes: K.
        name: the file named in messages.
        indexed: whether the values are palette indices, as prepared masks have them. Otherwise a mask of two classes
            with no other values than 0 and 255 is taken as binary, 255 being the foreground.

    Returns:
        The same shape, uint8, class numbers and ``IGNORED``.

    Raises:
        ValueError: another value.
    """
    highest = int(values.max(initial=0))
    if num_classes == 2 and not indexed and highest == IGNORED and not ((values > 0) & (values < IGNORED)).any():
        return (values > 0).astype(np.uint8)
    wrong = (values < 0) | ((values >= num_classes) & (values != IGNORED))
    if wrong.any():
        raise ValueError(
            f"Expected a mask of class numbers 0 to {num_classes - 1} ({IGNORED}: not known), got "
            f"{np.unique(values[wrong])[:8].tolist()} in {name}. Prepare the data with `ssgnet data prepare`; its "
            "--labels names the classes of other values."
        )
    return values.astype(np.uint8)

"""Which class each value, colour or file of a mask stands for: from the masks of an owner to class numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ssgnet_monai.data.label_space import IGNORED

BACKGROUND = "background"
HOW = "--labels FILE.json (in an experiment prepare.labels)"
MOST_SHOWN = 40
"""Most values of an example: what numbers objects is no list of classes."""


@dataclass(frozen=True)
class LabelMap:
    """What the masks of a dataset mean.

    Args:
        names: of class 0, 1, ....
        values: class of each grey value or palette index; 0 is class 0 where nothing else is said.
        colours: class of each colour, red + 256 green + 65536 blue; black is class 0 where nothing else is said.
        parts: class of each part, where an image has a mask for each class: the ending of the mask's name after the
            image's, or its folder's name, in lower case. Later parts lie over earlier ones.
        source: for messages, where this was said; empty where it was read off the masks.
    """

    names: tuple[str, ...]
    values: Mapping[int, int] = field(default_factory=dict)
    colours: Mapping[int, int] = field(default_factory=dict)
    parts: Mapping[str, int] = field(default_factory=dict)
    source: str = ""

    @property
    def datalist_labels(self) -> dict[str, str]:
        """Mask value -> name, as a datalist has it."""
        return {str(number): name for number, name in enumerate(self.names)}

    @property
    def written(self) -> LabelMap:
        """The same classes of masks that hold their numbers already."""
        return LabelMap(self.names, {**{number: number for number in range(len(self.names))}, IGNORED: IGNORED})

    def numbers(self, values: np.ndarray, name: object) -> np.ndarray:
        """The class numbers of mask values.

        Args:
            values: whole numbers from 0 on, of any shape (pixels or voxels).
            name: the file named in messages.

        Returns:
            The same shape, uint8: class numbers and ``IGNORED``.

        Raises:
            ValueError: values that are not named.
        """
        highest = int(values.max(initial=0))
        known = {0: 0, **self.values}
        if highest > max(known):
            self._refuse(values, name)
        table = np.full(highest + 1, -1, np.int16)
        for value, number in known.items():
            if value <= highest:
                table[value] = number
        found = table[values]
        if found.min(initial=0) < 0:
            self._refuse(values, name)
        return found.astype(np.uint8)

    def colour_numbers(self, codes: np.ndarray, name: object) -> np.ndarray:
        """The same of colours: (H, W) red + 256 green + 65536 blue."""
        known = {0: 0, **self.colours}
        keys = np.array(sorted(known), np.int64)
        place = np.searchsorted(keys, codes).clip(max=len(keys) - 1)
        if (keys[place] != codes).any():
            wrong = [colour_name(code) for code in np.unique(codes) if int(code) not in known]
            raise self._unnamed(wrong, [colour_name(code) for code in known], name)
        return np.array([known[int(key)] for key in keys], np.uint8)[place]

    def _refuse(self, values: np.ndarray, name: object) -> None:
        known = {0, *self.values}
        raise self._unnamed([int(value) for value in np.unique(values) if int(value) not in known], sorted(known), name)

    def _unnamed(self, wrong: Sequence[Any], known: Sequence[Any], name: object) -> ValueError:
        return ValueError(
            f"Expected a mask of the values {{{', '.join(map(str, known))}}} that {self.source or 'the other masks'} "
            f"name{'s' * bool(self.source)}, got {', '.join(map(str, wrong[:8]))}{', ...' * (len(wrong) > 8)} in "
            f"{name}. Name every value with {HOW}: a class, or 'ignored' for what is not known."
        )


def read_off(highest: int) -> LabelMap:
    """Values 0 to ``highest`` as classes, without names of their own."""
    names = (BACKGROUND, *(f"class {number}" for number in range(1, highest + 1)))
    return LabelMap(names, {value: value for value in range(highest + 1)})


def binary(foreground: str) -> LabelMap:
    """Background and one foreground, however it is encoded."""
    return LabelMap((BACKGROUND, foreground))


def colour_code(red: int, green: int, blue: int) -> int:
    """A colour as one number."""
    return red + 256 * green + 65536 * blue


def colour_name(code: int) -> str:
    """``#rrggbb`` of a colour's number."""
    return f"#{code & 255:02x}{code >> 8 & 255:02x}{code >> 16 & 255:02x}"


def example(keys: Sequence[int | str]) -> str:
    """A label file to begin with, as JSON on one line, for the values, colours or parts that were found.

    Args:
        keys: without those of the background.
    """
    named = {str(key): f"class {number}" for number, key in enumerate(keys, start=1)}
    if keys and (isinstance(keys[0], int) or keys[0].startswith("#")):
        named = {"0" if isinstance(keys[0], int) else "#000000": BACKGROUND, **named}
    return json.dumps(named, ensure_ascii=False)

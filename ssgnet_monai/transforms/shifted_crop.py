"""A crop of an unlabelled image, and crops that are shifted from it: the same place in another context."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.transforms import Compose, MapTransform, Randomizable

from ssgnet_monai.transforms.random_patch import RandomPatchd, tell_padded

OFFSET = "offset"
DIRECTIONS = {"axes": ((1, 0), (-1, 0), (0, 1), (0, -1)), "diagonals": ((1, 1), (1, -1), (-1, 1), (-1, -1))}


def clipped_offset(start: Sequence[int], shift: Sequence[int], room: Sequence[int]) -> list[int]:
    """By how much a crop moves when it must stay in the image.

    Args:
        start: its first voxel.
        shift: in voxels, of each axis.
        room: largest first voxel of each axis.
    """
    return [min(max(first + step, 0), most) - first for first, step, most in zip(start, shift, room, strict=True)]


class ShiftedCropd(Randomizable, MapTransform):
    """A random crop and others shifted from it in the first two axes, each of them an item; all are flipped alike.

    At a border the shift becomes as small as it must; a direction in which nothing is left gives way to another one. An
    image that leaves no room at all, as a picture that is its own crop, repeats its border instead. Flips and quarter
    turns are exact and the same for all crops, as if they came before the cut.

    Args:
        keys: of tensors (C, ...) of two or three axes.
        shift: in voxels, smaller than the crop.
        patch_size: voxels of a crop along each axis; an axis that is shorter stays whole. None: the whole image.
        shifts_used: how many shifted crops, 1 to 4.
        shift_directions: "axes" or "diagonals" of the first two axes, out of whose four senses they are drawn.
        flip_axes: along which the image may be flipped, each with probability 1/2.
        turn_planes: pairs of axes in which it is turned by 0, 90, 180 or 270 degrees; the crop has equal sides there.
        mirror: False: no flips.

    The items come as a list, the fixed crop first; each has "offset", its first voxel less that of the fixed crop in
    the flipped image, (axes,) int64.

    Raises:
        ValueError: a setting is outside its range, or the shift is as large as a side of the crop.

    Source: Kumari & Singh 2024 (arXiv 2405.07256), Fig. 1: four crops by shifts of the fixed one. Size and directions
        of the shifts are reconstructed.
    """

    def __init__(
        self,
        keys: str,
        shift: int,
        patch_size: Sequence[int] | None = None,
        shifts_used: int = 1,
        shift_directions: str = "axes",
        flip_axes: Sequence[int] = (0, 1),
        turn_planes: Sequence[Sequence[int]] = ((0, 1),),
        mirror: bool = True,
    ) -> None:
        MapTransform.__init__(self, keys)
        if shift < 1 or not 1 <= shifts_used <= 4:
            raise ValueError(f"Expected shift >= 1 voxel and shifts_used from 1 to 4, got {shift} and {shifts_used}.")
        if shift_directions not in DIRECTIONS:
            raise ValueError(f"Expected shift_directions out of {', '.join(DIRECTIONS)}, got {shift_directions!r}.")
        self.shift, self.shifts_used, self.directions = int(shift), shifts_used, DIRECTIONS[shift_directions]
        self.patch_size = None if patch_size is None else tuple(int(side) for side in patch_size)
        self.flip_axes, self.turn_planes = tuple(flip_axes) if mirror else (), [tuple(p) for p in turn_planes]
        if self.patch_size is not None:
            self._check(self.patch_size)

    def _check(self, sides: tuple[int, ...]) -> None:
        if self.shift >= min(sides[:2]):
            raise ValueError(
                f"Expected a shift smaller than the crop of {sides} voxels, got {self.shift}: nothing of the crops "
                "would overlap. Lower shift or raise patch_size."
            )
        for first, second in self.turn_planes:
            if sides[first] != sides[second]:
                raise ValueError(
                    f"Expected equal sides of the crop in the plane {[first, second]} of quarter turns, got {sides}. "
                    "Change patch_size or turn_planes."
                )

    def draw_offsets(self, start: Sequence[int], room: Sequence[int]) -> list[list[int]]:
        """Offsets of the shifted crops, none of them zero.

        Args:
            start: first voxel of the fixed crop.
            room: largest first voxel of each axis.
        """
        rest = [0] * (len(start) - 2)
        order = self.R.permutation(len(self.directions))
        shifts = [[sense * self.shift for sense in self.directions[i]] + rest for i in order]
        offsets = [clipped_offset(start, shift, room) for shift in shifts]
        moving = [offset for offset in offsets if any(offset)] or shifts  # beyond the border where all are stuck
        return [moving[i % len(moving)] for i in range(self.shifts_used)]

    def __call__(self, data: Mapping[Hashable, Any]) -> list[dict[Hashable, Any]]:
        """The crops of ``data``, 1 + ``shifts_used`` items."""
        image = data[self.first_key(dict(data))]
        shape = tuple(image.shape[1:])
        patch = self.patch_size or shape
        sides = tuple(min(side, length) for side, length in zip(patch, shape, strict=True))
        self._check(sides)
        if sides != patch:
            tell_padded(str(getattr(image, "meta", {}).get("filename_or_obj", "a volume")), shape, patch)
        room = [length - side for length, side in zip(shape, sides, strict=True)]
        start = [int(self.R.randint(space + 1)) for space in room]
        offsets = [[0] * len(start), *self.draw_offsets(start, room)]
        flips = [axis for axis in self.flip_axes if self.R.random_sample() < 0.5]
        turns = [int(self.R.randint(4)) for _ in self.turn_planes]
        items = []
        for offset in offsets:
            first = [place + step for place, step in zip(start, offset, strict=True)]
            item = {**data, OFFSET: torch.tensor(self._turn_offset(offset, flips, turns))}
            for key in self.key_iterator(dict(data)):
                item[key] = self._turn(_cut(data[key], first, sides), flips, turns)
            items.append(item)
        return items

    def _turn(self, crop: torch.Tensor, flips: Sequence[int], turns: Sequence[int]) -> torch.Tensor:
        crop = crop.flip([axis + 1 for axis in flips]) if flips else crop
        for (first, second), turn in zip(self.turn_planes, turns, strict=True):
            crop = crop.rot90(turn, [first + 1, second + 1])
        return crop

    def _turn_offset(self, offset: Sequence[int], flips: Sequence[int], turns: Sequence[int]) -> list[int]:
        turned = [-step if axis in flips else step for axis, step in enumerate(offset)]
        for (first, second), turn in zip(self.turn_planes, turns, strict=True):
            for _ in range(turn):
                turned[first], turned[second] = -turned[second], turned[first]
        return turned


def with_shifted_crop(preprocessing: Compose, crop: ShiftedCropd) -> Compose:
    """The preprocessing of labelled images with a shifted crop in the place of its random patch, or at its end.

    Args:
        preprocessing: of a training.
        crop: of its unlabelled images.
    """
    steps = list(preprocessing.transforms)
    if not any(isinstance(step, RandomPatchd) for step in steps):
        return Compose([*steps, crop])
    return Compose([crop if isinstance(step, RandomPatchd) else step for step in steps])


def _cut(image: torch.Tensor, start: Sequence[int], sides: Sequence[int]) -> torch.Tensor:
    """A crop (C, ...); places beyond the border are those of the border."""
    for axis, (first, side) in enumerate(zip(start, sides, strict=True), start=1):
        if 0 <= first <= image.shape[axis] - side:
            image = image.narrow(axis, first, side)
        else:
            places = torch.arange(first, first + side).clamp(0, image.shape[axis] - 1)
            image = image.index_select(axis, places)
    return image

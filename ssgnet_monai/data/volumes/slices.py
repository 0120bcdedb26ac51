"""From NIfTI volumes to 16-bit PNG slices, which are then prepared like any other pictures.

All volumes of a dataset share one straight line from voxel values to grey levels, so that grey levels compare between
patients. Where all voxels are whole numbers within a range of 65536 (CT, most MRI), it only shifts them, losslessly.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ssgnet_monai.data.image_files import ImagePair, SourceImage, is_volume, listed
from ssgnet_monai.data.label_map import LabelMap
from ssgnet_monai.data.pixel_budget import PixelBudget
from ssgnet_monai.data.threads import for_each_pair
from ssgnet_monai.data.volumes.cut import GREY_LEVELS, cut_volume, slice_stem, survey_volume
from ssgnet_monai.data.volumes.value_range import ValueRange, outlier_warnings
from ssgnet_monai.data.volumes.view import mixed_planes
from ssgnet_monai.data.volumes.volume import Volume

FEW_LEVELS = 256
"""Grey levels of a volume's usual values below which it is told: an 8-bit picture has as many."""
TOO_FEW_LEVELS = 16
VOXELS_AT_A_TIME = 100_000_000
"""Voxels that all threads hold together; a larger volume is cut alone."""
EMPTY_SLICES = ("keep", "drop")
Value = TypeVar("Value")


@dataclass(frozen=True)
class VolumeSlices:
    """The slices of a dataset's volumes, as pictures with masks.

    ``provenance`` holds, by the slice's stem, the volume's file name, the slice's array axis and index in that file,
    and the file's affine and shape. A voxel value is ``offset + scale * grey level``.
    """

    pairs: list[ImagePair]
    volume_of: dict[str, str]
    provenance: dict[str, dict[str, Any]]
    grey_line: tuple[float, float]
    summary: dict[str, Any]
    warnings: list[str]

    def sources(self, volumes: Sequence[SourceImage]) -> list[SourceImage]:
        """The slices as source images: with their volume's class and split, and its group or else itself as one."""
        known = {volume.stem: volume for volume in volumes}
        found = []
        for pair in self.pairs:
            volume = known[self.volume_of[pair.stem]]
            group = volume.stem if volume.group is None else volume.group
            found.append(SourceImage(pair.stem, pair.image, pair.mask, volume.class_name, group, volume.split))
        return found

    def voxel_window(self, grey_levels: Sequence[float]) -> list[float]:
        """A window of grey levels in voxel values (HU in CT)."""
        offset, scale = self.grey_line
        return [offset + scale * level for level in grey_levels]


def has_volumes(pairs: Sequence[ImagePair]) -> bool:
    """Whether these are volumes.

    Raises:
        ValueError: volumes and pictures are mixed.
    """
    pictures = [file for pair in pairs for file in (pair.image, *pair.masks) if not is_volume(file)]
    volumes = [file for pair in pairs for file in (pair.image, *pair.masks) if is_volume(file)]
    if pictures and volumes:
        raise ValueError(
            f"Expected either pictures or NIfTI volumes, found {len(pictures)} pictures ({listed(pictures)}) and "
            f"{len(volumes)} volumes ({listed(volumes)}). One window cannot fit both; prepare them apart."
        )
    return bool(volumes)


def cut_volumes(
    pairs: Sequence[ImagePair],
    out: Path,
    workers: int,
    plane: str | None = None,
    empty_slices: str = "keep",
    mask_threshold: int | None = None,
    labels: LabelMap | None = None,
) -> VolumeSlices:
    """Write the slices of all volumes as ``out/images/<stem>_<index>.png`` and ``out/masks``, see ``cut_volume``.

    Args:
        pairs: volumes with their mask volumes.
        out: folder for the slices.
        workers: threads.
        plane: see ``slice_axis``.
        empty_slices: ``"keep"`` or ``"drop"`` slices whose mask has no foreground.
        mask_threshold: see ``binarise_mask``.
        labels: see ``class_voxels``.

    Raises:
        ValueError: volumes or masks that cannot be used; they are told together.
    """
    if empty_slices not in EMPTY_SLICES:
        raise ValueError(f"Expected empty_slices 'keep' or 'drop', got {empty_slices!r}.")
    budget = PixelBudget(VOXELS_AT_A_TIME)

    def within_budget(function: Callable[[ImagePair], Value]) -> Callable[[ImagePair], Value]:
        def call(pair: ImagePair) -> Value:
            with budget.take(math.prod(Volume(pair.image).shape)):
                return function(pair)

        return call

    def survey(pair: ImagePair) -> dict[str, Any]:
        return survey_volume(pair, plane)

    surveys = dict(zip(pairs, for_each_pair(within_budget(survey), pairs, workers, "reading volumes"), strict=True))
    line, warnings = _grey_line(pairs, list(surveys.values()))

    def cut(pair: ImagePair) -> list[int]:
        return cut_volume(pair, out, surveys[pair]["axis"], line, mask_threshold, empty_slices == "drop", labels)

    written = for_each_pair(within_budget(cut), pairs, workers, "cutting volumes")
    slices = [
        (pair, index, slice_stem(pair.stem, index)) for pair, kept in zip(pairs, written, strict=True) for index in kept
    ]
    planes = Counter(found["plane"] for found in surveys.values())
    warnings += mixed_planes({pair.image.name: found["plane"] for pair, found in surveys.items()})
    return VolumeSlices(
        pairs=[
            ImagePair(stem, out / "images" / f"{stem}.png", out / "masks" / f"{stem}.png" if pair.mask else None)
            for pair, _, stem in slices
        ],
        volume_of={stem: pair.stem for pair, _, stem in slices},
        provenance={
            stem: {
                "volume": pair.image.name,
                "axis": surveys[pair]["axis"],
                "slice": index,
                "affine": surveys[pair]["affine"],
                "shape": surveys[pair]["shape"],
            }
            for pair, index, stem in slices
        },
        grey_line=line,
        summary={
            "count": len(pairs),
            "planes": dict(sorted(planes.items())),
            "slices": len(slices),
            "left_out": sum(found["length"] for found in surveys.values()) - len(slices),
            "empty_slices": empty_slices,
            "grey_level_offset": line[0],
            "grey_level_scale": line[1],
        },
        warnings=warnings,
    )


def _grey_line(
    pairs: Sequence[ImagePair], surveys: Sequence[Mapping[str, Any]]
) -> tuple[tuple[float, float], list[str]]:
    """(offset, scale) of all volumes, and what to tell of those that it does not fit."""
    ranges: list[ValueRange] = [found["range"] for found in surveys]
    names = [pair.image.name for pair in pairs]
    lowest, highest = min(values.lowest for values in ranges), max(values.highest for values in ranges)
    if lowest == highest:
        raise ValueError(f"Expected volumes with contrast, got nothing but the value {lowest:g}.")
    whole = all(found["whole"] for found in surveys)
    if whole and highest - lowest <= GREY_LEVELS:
        return (lowest, 1.0), []
    low, high = min(values.low for values in ranges), max(values.high for values in ranges)
    warnings = outlier_warnings(names, ranges, low, high)
    if whole and high - low <= GREY_LEVELS:
        return (low, 1.0), warnings
    scale = (high - low) / GREY_LEVELS
    widths = {name: values.usual_high - values.usual_low for name, values in zip(names, ranges, strict=True)}
    narrow = [name for name, width in widths.items() if 0 < width < FEW_LEVELS * scale]
    if narrow:
        widest = max(widths, key=lambda name: widths[name])
        fewest = min(widths[name] for name in narrow) / scale
        message = (
            f"The usual values of {len(narrow)} of {len(names)} volumes take as few as {fewest:.0f} of the "
            f"{GREY_LEVELS + 1} grey levels that all volumes share, from {low:g} to {high:g} because of {widest}: "
            f"{listed(narrow)}. Bring the volumes into one unit, or prepare them apart."
        )
        if fewest < TOO_FEW_LEVELS:
            raise ValueError(f"Expected volumes of one unit. {message}")
        warnings.append(message)
    return (low, scale), warnings

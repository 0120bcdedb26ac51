"""How a dataset is prepared, by what an option is about; command lines and YAML files name the options one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ssgnet_monai.data.label_file import Labels
from ssgnet_monai.data.label_map import LabelMap
from ssgnet_monai.data.names import nearest
from ssgnet_monai.data.open_picture import MAX_MEGAPIXELS
from ssgnet_monai.data.prepare.split_sources import OFFICIAL

NO_GROUPS = "none: every image is its own group"


@dataclass(frozen=True)
class Description:
    """What the datalist says of the dataset as a whole.

    Args:
        name: of the dataset; by default that of the folder that is written.
        modality: by default ``RGB`` or ``grey``.
        class_order: the classes in the order of their label numbers; by default sorted.
    """

    name: str | None = None
    modality: str | None = None
    class_order: Sequence[str] | None = None


@dataclass(frozen=True)
class SplitOptions:
    """Who lies in training, validation and test.

    Args:
        split: shares of training, validation, test, drawn anew; or "official": the sources' own splits are kept and
            only a missing validation (or test) is drawn, with shares 0.7, 0.1, 0.2.
        seed: of what is drawn.
        group_source: where the groups (patients) come from, for the record.
    """

    split: str | Sequence[float] = OFFICIAL
    seed: int = 0
    group_source: str = NO_GROUPS


@dataclass(frozen=True)
class MaskOptions:
    """What masks mean, and what is done to them.

    Args:
        labels: the class of each mask value, colour or file, see ``read_labels``; by default masks are binary, or hold
            the numbers 0, 1, 2, ... of classes.
        foreground: name of the class of binary masks.
        mask_threshold: mask values above it are foreground; by default binary masks are expected and recognised.
        mask_foreground: "bright" or "dark": which of the two values of mask pictures, as a viewer shows them, is the
            foreground; by default all but 0, refused where that is not plain.
        clean_masks: radius, in pixels of the written mask, of the disk with which masks are opened and closed; 0: masks
            as they are.
    """

    labels: Labels | LabelMap | None = None
    foreground: str = "lesion"
    mask_threshold: int | None = None
    mask_foreground: str | None = None
    clean_masks: int = 0


@dataclass(frozen=True)
class PictureOptions:
    """How pictures, and the slices of volumes, are written.

    Args:
        size: pixels of both sides, (H, W), or None to keep sizes.
        num_channels: 1 or 3; by default 3 if any image has colour.
        clahe: whether the contrast of pictures is equalised locally. What a model is shown later has to be, too.
        max_megapixels: most millions of pixels of an image; decoding takes about ten bytes a pixel.
    """

    size: int | Sequence[int] | None = 256
    num_channels: int | None = None
    clahe: bool = False
    max_megapixels: float = MAX_MEGAPIXELS


@dataclass(frozen=True)
class VolumeOptions:
    """How volumes are written.

    Args:
        form: ``"slices"``, or ``"volumes"``: whole, as ``images/`` and ``labels/`` of ``.nii.gz`` files; options of
            pictures and the two of slices do nothing to them.
        spacing: mm along the three axes to resample whole volumes to; None keeps their own.
        slice_plane: how volumes are cut: axial, coronal, sagittal, or None: along the axis of the largest spacing.
        empty_slices: ``"keep"`` or ``"drop"`` slices whose mask has no foreground.
    """

    form: str = "slices"
    spacing: Sequence[float] | None = None
    slice_plane: str | None = None
    empty_slices: str = "keep"


@dataclass(frozen=True)
class Preparation:
    """All options of a preparation; ``workers`` are decoding threads, by default twice the cores, at most 8."""

    description: Description = field(default_factory=Description)
    split: SplitOptions = field(default_factory=SplitOptions)
    masks: MaskOptions = field(default_factory=MaskOptions)
    pictures: PictureOptions = field(default_factory=PictureOptions)
    volumes: VolumeOptions = field(default_factory=VolumeOptions)
    workers: int | None = None


PARTS: dict[str, Any] = {
    "description": Description,
    "split": SplitOptions,
    "masks": MaskOptions,
    "pictures": PictureOptions,
    "volumes": VolumeOptions,
}
OPTIONS = {str(one.name): str(one.type) for part in PARTS.values() for one in fields(part)} | {"workers": "int | None"}
"""Name of every option -> its annotation."""


def preparation_of(options: Mapping[str, Any]) -> Preparation:
    """The preparation that options say by their names alone.

    Args:
        options: such as ``{"size": 128, "seed": 3, "form": "volumes"}``.

    Raises:
        TypeError: an option that there is not.
    """
    if other := [name for name in options if name not in OPTIONS]:
        raise TypeError(f"Expected options {sorted(OPTIONS)}, got {other[0]!r}.{nearest(other[0], OPTIONS)}")
    parts = {
        name: part(**{one.name: options[one.name] for one in fields(part) if one.name in options})
        for name, part in PARTS.items()
    }
    return Preparation(**parts, workers=options.get("workers"))

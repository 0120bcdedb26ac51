"""From a list of source volumes to a prepared dataset of NIfTI volumes, a datalist and a record."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.orientations import aff2axcodes

from ssgnet_monai import __version__
from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.datalist import SPLITS, save_datalist
from ssgnet_monai.data.few_images import foreground_warnings, size_warnings
from ssgnet_monai.data.image_files import ImagePair, SourceImage
from ssgnet_monai.data.journal import Journal, file_stamps
from ssgnet_monai.data.label_map import LabelMap, binary
from ssgnet_monai.data.label_space import IGNORED
from ssgnet_monai.data.pixel_budget import PixelBudget
from ssgnet_monai.data.prepare.dataset_items import merged_groups, ordered_classes, real_item
from ssgnet_monai.data.prepare.preparation import Preparation
from ssgnet_monai.data.prepare.split_sources import split_sources
from ssgnet_monai.data.threads import for_each_pair
from ssgnet_monai.data.volumes.class_voxels import pair_classes
from ssgnet_monai.data.volumes.nifti_file import read_nifti, write_nifti
from ssgnet_monai.data.volumes.resample import resample
from ssgnet_monai.data.volumes.slice_reader import WINDOW_PERCENTILES
from ssgnet_monai.data.volumes.slices import VOXELS_AT_A_TIME
from ssgnet_monai.data.volumes.value_range import ValueRange, outlier_warnings, sampled, value_range
from ssgnet_monai.data.volumes.volume import Volume

logger = logging.getLogger(__name__)

JOURNAL = ".prepare_volumes.jsonl"
BINS = 65536
FORMAT = 3  # of the records


def write_volumes(
    sources: Sequence[SourceImage],
    out: Path,
    preparation: Preparation,
    labels: LabelMap | None,
    workers: int,
    notes: Sequence[str] = (),
) -> Path:
    """Write ``images/<name>.nii.gz`` and ``labels/<name>.nii.gz`` (class numbers); see ``write_dataset``.

    Spacing and orientation stay unless ``spacing`` is given; voxel values stay; headers lose their texts.

    Args:
        sources: volumes with masks, groups and official splits.
        out: folder to write.
        preparation: how.
        labels: of ``survey_labels``; None: the masks are binary.
        workers: threads.
        notes: warnings about the sources, for the record.

    Returns:
        The path of ``datalist.json``, which ``monai.data.load_decathlon_datalist`` reads too.

    Raises:
        ValueError: what was expected, what was found, in which file, and what to do.
    """
    description, split, spacing = preparation.description, preparation.split, preparation.volumes.spacing
    name, target = description.name or out.resolve().name, None if spacing is None else _checked(spacing)
    records = _write_all(sources, out, target, labels, preparation.masks.mask_threshold, workers)
    names = (labels or binary(preparation.masks.foreground)).datalist_labels
    classes = ordered_classes(sources, description.class_order)
    items = [real_item(source, record) for source, record in zip(sources, records, strict=True)]
    splits, warnings = split_sources(sources, items, merged_groups(items, records), split.split, split.seed)
    by_image = {record["image"]: record for record in records}
    window, clipped = _window(out, [by_image[item["image"]] for item in splits["training"]])
    empty = {record["label"] for record in records if "label" in record and not record["foreground"]}
    sizes = size_warnings({"classes": classes, **splits})
    warnings = [*notes, *warnings, *clipped, *sizes, *foreground_warnings(splits, empty)]
    datalist = {
        "name": name,
        "modality": {"0": description.modality or "grey"},
        "labels": names,
        "classes": classes,
        "num_channels": 1,
        "intensity_window": window,
        "voxel_window": window,
        "voxel_spacing": target,
        "image_size": None,
        "split_seed": split.seed,
        "split_fractions": split.split,
        "group_source": split.group_source,
        **splits,
    }
    write_json(
        out / "prepare.json",
        {"name": name, "version": __version__, **_summary(datalist, records), "warnings": warnings},
    )
    path = save_datalist(datalist, out / "datalist.json")
    counts = {part: len(splits[part]) for part in SPLITS}
    logger.info("%s: %d volumes, %s, voxel window %s", name, len(records), counts, window)
    for warning in warnings:
        logger.warning("%s: %s", name, warning)
    return path


def _write_all(
    pairs: Sequence[ImagePair],
    out: Path,
    spacing: list[float] | None,
    labels: LabelMap | None,
    threshold: int | None,
    workers: int,
) -> list[dict[str, Any]]:
    """Write all volumes, those excepted that are there from unchanged files and with the same settings."""
    out.mkdir(parents=True, exist_ok=True)
    named = None if labels is None else asdict(labels)
    settings = [spacing, threshold, named, __version__, FORMAT]
    journal = Journal(
        out / JOURNAL,
        {pair: json.dumps([*file_stamps([pair.image, *pair.masks]), *settings]) for pair in pairs},
        lambda record: [out / record[key] for key in ("image", "label") if key in record],
    )
    if journal.todo:
        (out / "datalist.json").unlink(missing_ok=True)
        journal.begin()
        for folder in ("images", "labels"):
            for stale in sorted((out / folder).glob(".*")):  # left by a kill in the middle of a write
                stale.unlink()
        budget = PixelBudget(VOXELS_AT_A_TIME)

        def write(pair: ImagePair) -> dict[str, Any]:
            with budget.take(math.prod(Volume(pair.image).shape)):
                return _write(pair, out, spacing, labels, threshold)

        for_each_pair(write, journal.todo, workers, "writing volumes", journal.note)
    return journal.records()


def _write(
    pair: ImagePair, out: Path, spacing: list[float] | None, labels: LabelMap | None, threshold: int | None
) -> dict[str, Any]:
    voxels, affine = read_nifti(pair.image)
    record: dict[str, Any] = {"image": f"images/{pair.stem}.nii.gz"}
    if pair.mask is not None:
        label = pair_classes(pair, labels, threshold)
        if spacing is not None:
            label, _ = resample(label, affine, spacing, "nearest")
        voxels_of = np.bincount(label.reshape(-1, order="A"), minlength=IGNORED + 1)
        record |= {
            "label": f"labels/{pair.stem}.nii.gz",
            "foreground": float(voxels_of[1:IGNORED].sum() / label.size),
            "present": np.flatnonzero(voxels_of).tolist(),
        }
    if spacing is not None:
        voxels, affine = resample(voxels, affine, spacing, "bilinear")
    digest = hashlib.sha256(repr((voxels.shape, voxels.dtype.str)).encode())
    digest.update(np.ascontiguousarray(voxels).data.cast("B"))
    record |= {
        "shape": list(voxels.shape),
        "spacing": [round(float(length), 4) for length in voxel_sizes(affine)],
        "orientation": "".join(aff2axcodes(affine)),
        "range": value_range(float(voxels.min()), float(voxels.max()), sampled(voxels)),
        "sha256": digest.hexdigest(),
    }
    if pair.mask is not None:
        write_nifti(out / record["label"], label, affine, labels=True)
    write_nifti(out / record["image"], voxels, affine)
    return record


def _checked(spacing: Sequence[float]) -> list[float]:
    if isinstance(spacing, str | float | int) or len(spacing) != 3 or not all(length > 0 for length in spacing):
        raise ValueError(f"Expected spacing of three lengths in mm, such as [1, 1, 1], got {spacing!r}.")
    return [float(length) for length in spacing]


def _window(out: Path, records: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[str]]:
    """Voxel values at two percentiles of all voxels of the training volumes, from one histogram; what to tell of it."""
    ranges = [ValueRange(*record["range"]) for record in records]
    low, high = min(values.low for values in ranges), max(values.high for values in ranges)
    if low == high:
        raise ValueError(f"Expected volumes with contrast, got nothing but the value {low:g}.")
    counts = np.zeros(BINS, np.int64)
    for record in records:
        voxels, _ = read_nifti(out / record["image"])
        counts += np.histogram(voxels, BINS, (low, high))[0]
    shares = np.cumsum(counts) / counts.sum()
    bins = [int(np.searchsorted(shares, percentile / 100)) for percentile in WINDOW_PERCENTILES]
    names = [Path(record["image"]).name for record in records]
    return [low + (high - low) * index / BINS for index in (bins[0], bins[1] + 1)], outlier_warnings(
        names, ranges, low, high
    )


def _summary(datalist: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    foreground = [record["foreground"] for record in records if "label" in record]
    return {
        "volumes": {
            "count": len(records),
            "shape": [[int(f([r["shape"][axis] for r in records])) for f in (min, max)] for axis in range(3)],
            "spacing": [[float(f([r["spacing"][axis] for r in records])) for f in (min, max)] for axis in range(3)],
            "orientations": dict(sorted(Counter(record["orientation"] for record in records).items())),
            "identical": len(records) - len({record["sha256"] for record in records}),
        },
        "masks": {
            "count": len(foreground),
            "empty": foreground.count(0),
            "median_foreground": float(np.median(foreground)) if foreground else None,
            "volumes_with": {
                name: sum(int(value) in record.get("present", ()) for record in records)
                for value, name in datalist["labels"].items()
            },
        },
        "splits": {
            name: {part: sum(item.get("class") == name for item in datalist[part]) for part in SPLITS}
            for name in datalist["classes"]
        },
        "intensity_window": datalist["intensity_window"],
    }

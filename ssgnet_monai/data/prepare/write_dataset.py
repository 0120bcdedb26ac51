"""From a list of source images to a prepared dataset: PNG files of one size, a datalist and a record."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ssgnet_monai import __version__
from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.datalist import save_datalist
from ssgnet_monai.data.image_files import ImagePair, SourceImage, listed
from ssgnet_monai.data.label_file import read_labels
from ssgnet_monai.data.label_map import LabelMap, binary
from ssgnet_monai.data.open_picture import open_picture
from ssgnet_monai.data.prepare.convert import convert_all
from ssgnet_monai.data.prepare.dataset_items import check_stems, merged_groups, ordered_classes, real_item
from ssgnet_monai.data.prepare.image import Conversion, inspect_pair
from ssgnet_monai.data.prepare.inverted_masks import check_mask_options, refuse_inverted
from ssgnet_monai.data.prepare.picture_labels import picture_labels
from ssgnet_monai.data.prepare.preparation import NO_GROUPS, Preparation
from ssgnet_monai.data.prepare.split_sources import OFFICIAL, split_sources
from ssgnet_monai.data.prepare.summary import format_summary, summarise
from ssgnet_monai.data.splits import checked_shares
from ssgnet_monai.data.threads import decoding_threads, for_each_pair
from ssgnet_monai.data.volumes.label_survey import survey_labels
from ssgnet_monai.data.volumes.slice_reader import WINDOW_PERCENTILES
from ssgnet_monai.data.volumes.slices import cut_volumes, has_volumes
from ssgnet_monai.data.volumes.write_volumes import write_volumes

logger = logging.getLogger(__name__)

FORMS = ("slices", "volumes")


def write_dataset(
    sources: Sequence[SourceImage],
    out: str | Path,
    preparation: Preparation,
    notes: Sequence[str] = (),
) -> Path:
    """Write source images as PNG files of one size, with a datalist and a record of what was found.

    Images become 8-bit PNG (16-bit grey stays 16-bit), masks PNG of class numbers with a palette. NIfTI volumes become
    16-bit slices, which are one group (patient) unless the sources say more; their window is written down in voxel
    values too, as ``voxel_window``. An interrupted run goes on where it stopped; files that are already written from
    unchanged sources are not decoded again.

    Args:
        sources: images with masks, classes, groups and official splits.
        out: folder to write: ``datalist.json``, ``prepare.json``, ``images/``, ``masks/``.
        preparation: how.
        notes: warnings about the sources, for the record.

    Returns:
        The path of ``datalist.json``.

    Raises:
        ValueError: what was expected, what was found, in which file, and what to do.
    """
    out, masks, volumes = Path(out), preparation.masks, preparation.volumes
    _target_size(preparation.pictures.size)
    if preparation.split.split != OFFICIAL:
        shares = checked_shares(preparation.split.split)
        preparation = replace(preparation, split=replace(preparation.split, split=shares))
    check_stems(sources)
    check_mask_options(sources, masks.mask_threshold, masks.mask_foreground)
    if masks.clean_masks and all(source.mask is None for source in sources):
        raise ValueError(
            f"Expected masks to clean, got clean_masks {masks.clean_masks} for images without any. Leave it out."
        )
    workers = preparation.workers or decoding_threads()
    labels = masks.labels if masks.labels is None or isinstance(masks.labels, LabelMap) else read_labels(masks.labels)
    as_volumes, whole = has_volumes(sources), volumes.form == "volumes"
    if volumes.form not in FORMS or (whole and not as_volumes) or (volumes.spacing is not None and not whole):
        raise ValueError(
            f"Expected form 'slices', or 'volumes' for NIfTI volumes and then perhaps a spacing, got form "
            f"{volumes.form!r} and spacing {volumes.spacing} for {listed([source.image for source in sources])}."
        )
    if as_volumes:
        labels, read_off = survey_labels(sources, labels, masks.mask_threshold, workers)
        notes = [*notes, *read_off]
        if preparation.split.group_source == NO_GROUPS:
            preparation = replace(preparation, split=replace(preparation.split, group_source="volumes"))
    if not whole:
        return _write_pictures(sources, out, preparation, labels, workers, notes)
    if preparation.pictures.clahe or masks.clean_masks:
        raise ValueError(
            f"Expected clahe and clean_masks with slices only, got {preparation.pictures.clahe} and "
            f"{masks.clean_masks} for volumes."
        )
    return write_volumes(sources, out, preparation, labels, workers, notes)


def _write_pictures(
    sources: Sequence[SourceImage],
    out: Path,
    preparation: Preparation,
    labels: LabelMap | None,
    workers: int,
    notes: Sequence[str],
) -> Path:
    description, split, masks = preparation.description, preparation.split, preparation.masks
    pictures, volumes = preparation.pictures, None
    mask_threshold, max_megapixels = masks.mask_threshold, pictures.max_megapixels
    if has_volumes(sources):
        options = preparation.volumes
        volumes = cut_volumes(
            sources, out / "slices", workers, options.slice_plane, options.empty_slices, mask_threshold, labels
        )
        sources, mask_threshold = volumes.sources(sources), None
        classes = binary(masks.foreground) if labels is None else labels.written
    inspect = partial(inspect_pair, max_megapixels=max_megapixels)
    headers = for_each_pair(inspect, sources, workers, "reading headers")
    bits = _one_depth(sources, headers)
    told_binary = mask_threshold is not None or masks.mask_foreground is not None
    if volumes is None:
        classes, read_off = picture_labels(
            sources, out, labels, masks.foreground, max_megapixels, workers, told_binary=told_binary
        )
        notes = [*notes, *read_off]
    target = _target_size(pictures.size)
    conversion = Conversion(mask_threshold, target, masks.clean_masks, pictures.clahe, masks.mask_foreground, classes)
    records = convert_all(sources, headers, out, conversion, max_megapixels, workers)
    if volumes is None and labels is None and not told_binary:
        refuse_inverted(records, classes)
    items = [real_item(source, record) for source, record in zip(sources, records, strict=True)]
    if volumes is not None:
        items = [{**item, **volumes.provenance[record["stem"]]} for item, record in zip(items, records, strict=True)]
    keys = merged_groups(items, records)
    splits, parted = split_sources(sources, items, keys, split.split, split.seed)
    num_channels = pictures.num_channels or (1 if all(record["grey"] for record in records) else 3)
    training = [out / item["image"] for item in splits["training"]]
    datalist: dict[str, Any] = {
        "name": description.name or out.resolve().name,
        "modality": {"0": description.modality or ("RGB" if num_channels == 3 else "grey")},
        "labels": classes.datalist_labels,
        "classes": ordered_classes(sources, description.class_order),
        "num_channels": num_channels,
        "intensity_window": [0, 255] if bits == 8 else percentile_window(training),
        **({"clahe": True} if pictures.clahe else {}),
        "image_size": None if target is None else list(target),
        "split_seed": split.seed,
        "split_fractions": split.split,
        "group_source": split.group_source,
        **splits,
    }
    if volumes is not None:
        datalist["voxel_window"] = volumes.voxel_window(datalist["intensity_window"])
    summary = summarise(datalist, records, headers)
    if volumes is not None:
        summary["volumes"] = {**volumes.summary, "voxel_window": datalist["voxel_window"]}
        logger.info("%s: volumes %s", datalist["name"], summary["volumes"])
    notes = [*notes, *parted]
    if pictures.clahe:
        notes = [*notes, "Written with CLAHE: at inference, other pictures need it too (EqualiseContrastd)."]
    summary["warnings"] += [*(volumes.warnings if volumes is not None else []), *notes]
    write_json(out / "prepare.json", {"name": datalist["name"], "version": __version__, **summary})
    path = save_datalist(datalist, out / "datalist.json")
    logger.info("%s\n%s", datalist["name"], format_summary(summary))
    for warning in summary["warnings"]:
        logger.warning("%s: %s", datalist["name"], warning)
    return path


def percentile_window(paths: Iterable[Path]) -> list[int]:
    """Grey levels at the .5 and 99.5 percentiles of all pixels of 16-bit images, from one histogram.

    Args:
        paths: 16-bit PNG files (the training images).

    Returns:
        [low, high].

    Raises:
        ValueError: the images are constant.
    """
    histogram = np.zeros(65536, np.int64)
    for path in paths:
        with open_picture(path, math.inf) as image:
            histogram += np.bincount(np.asarray(image).ravel().astype(np.int64), minlength=65536)
    cumulative = np.cumsum(histogram) / max(histogram.sum(), 1)
    low, high = (int(np.searchsorted(cumulative, share / 100)) for share in WINDOW_PERCENTILES)
    if low >= high:
        raise ValueError(f"Expected 16-bit training images with contrast, got nothing but grey level {low}.")
    return [low, 256 if (low, high) == (0, 255) else high]  # [0, 255] is the window of 8 bits


def _target_size(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = tuple(size) if isinstance(size, list | tuple) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, int) and side >= 1 for side in sides):
        raise ValueError(f"Expected a size of one or two sides of at least 1 pixel, got {size!r}.")
    return sides[0], sides[1]


def _one_depth(pairs: Sequence[ImagePair], headers: Sequence[Mapping[str, Any]]) -> int:
    by_bits = defaultdict(list)
    for pair, header in zip(pairs, headers, strict=True):
        by_bits[header["bits"]].append(pair.image)
    if len(by_bits) > 1:
        raise ValueError(
            f"Expected one bit depth, found {len(by_bits[8])} images of 8 bits ({listed(by_bits[8])}) and "
            f"{len(by_bits[16])} of 16 bits ({listed(by_bits[16])}). One grey-level window cannot fit both; "
            "prepare them apart or convert one kind."
        )
    return int(next(iter(by_bits)))

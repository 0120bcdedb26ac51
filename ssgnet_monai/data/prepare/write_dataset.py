"""From a list of source images to a prepared dataset: PNG files of one size, a datalist and a record."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ssgnet_monai import __version__
from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.datalist import save_datalist
from ssgnet_monai.data.image_files import ImagePair, SourceImage, listed
from ssgnet_monai.data.label_file import Labels, read_labels
from ssgnet_monai.data.label_map import LabelMap, binary
from ssgnet_monai.data.open_picture import MAX_MEGAPIXELS, open_picture
from ssgnet_monai.data.prepare.convert import convert_all
from ssgnet_monai.data.prepare.dataset_items import check_stems, merged_groups, ordered_classes, real_item
from ssgnet_monai.data.prepare.image import Treatment, inspect_pair
from ssgnet_monai.data.prepare.inverted_masks import check_mask_options, refuse_inverted
from ssgnet_monai.data.prepare.picture_labels import picture_labels
from ssgnet_monai.data.prepare.split_sources import OFFICIAL, split_sources
from ssgnet_monai.data.prepare.summary import format_summary, summarise
from ssgnet_monai.data.splits import checked_shares
from ssgnet_monai.data.threads import decoding_threads, for_each_pair
from ssgnet_monai.data.volumes.label_survey import survey_labels
from ssgnet_monai.data.volumes.slices import cut_volumes, has_volumes
from ssgnet_monai.data.volumes.write_volumes import write_volumes

logger = logging.getLogger(__name__)

WINDOW_PERCENTILES = (0.5, 99.5)
FORMS = ("slices", "volumes")
NO_GROUPS = "none: every image is its own group"


def write_dataset(
    sources: Sequence[SourceImage],
    out: str | Path,
    *,
    size: int | Sequence[int] | None = 256,
    name: str | None = None,
    modality: str | None = None,
    foreground: str = "lesion",
    split: str | Sequence[float] = OFFICIAL,
    seed: int = 0,
    num_channels: int | None = None,
    mask_threshold: int | None = None,
    clean_masks: int = 0,
    clahe: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
    slice_plane: str | None = None,
    empty_slices: str = "keep",
    form: str = "slices",
    spacing: Sequence[float] | None = None,
    workers: int | None = None,
    group_source: str = NO_GROUPS,
    class_order: Sequence[str] | None = None,
    mask_foreground: str | None = None,
    labels: Labels | LabelMap | None = None,
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
        size: pixels of both sides, (H, W), or None to keep sizes.
        name: dataset name; by default that of ``out``.
        modality: for the datalist; by default ``RGB`` or ``grey``.
        foreground: name of the class of binary masks.
        split: shares of training, validation, test, drawn anew; or "official": the sources' own splits are kept and
            only a missing validation (or test) is drawn, with shares 0.7, 0.1, 0.2.
        seed: seed of the split.
        num_channels: 1 or 3; by default 3 if any image has colour.
        mask_threshold: mask values above it are foreground; by default binary masks are expected and recognised.
        clean_masks: radius, in pixels of the written mask, of the disk with which masks are opened and closed; 0: masks
            as they are.
        clahe: whether the contrast of pictures is equalised locally. What a model is shown later has to be, too.
        max_megapixels: most millions of pixels of an image; decoding takes about ten bytes a pixel.
        slice_plane: how volumes are cut: axial, coronal, sagittal, or None: along the axis of the largest spacing.
        empty_slices: ``"keep"`` or ``"drop"`` slices of volumes whose mask has no foreground.
        form: of volumes: ``"slices"``, or ``"volumes"``: whole, as ``images/`` and ``labels/`` of ``.nii.gz`` files;
            ``size``, ``num_channels``, ``max_megapixels`` and the two options of slices do nothing to them.
        spacing: mm along the three axes to resample whole volumes to; None keeps their own.
        workers: decoding threads; by default twice the cores of this process, at most 8.
        group_source: where the groups come from, for the record.
        class_order: the classes in the order of their label numbers; by default sorted.
        mask_foreground: "bright" or "dark": which of the two values of mask pictures, as a viewer shows them, is the
            foreground; by default all but 0, refused where that is not plain.
        labels: the class of each mask value, colour or file, see ``read_labels``; by default masks are binary, or hold
            the numbers 0, 1, 2, ... of classes.
        notes: warnings about the sources, for the record.

    Returns:
        The path of ``datalist.json``.

    Raises:
        ValueError: what was expected, what was found, in which file, and what to do.
    """
    out = Path(out)
    target = _target_size(size)
    if split != OFFICIAL:
        split = checked_shares(split)
    check_stems(sources)
    check_mask_options(sources, mask_threshold, mask_foreground)
    if clean_masks and all(source.mask is None for source in sources):
        raise ValueError(
            f"Expected masks to clean, got clean_masks {clean_masks} for images without any. Leave it out."
        )
    workers = workers or decoding_threads()
    if labels is not None and not isinstance(labels, LabelMap):
        labels = read_labels(labels)
    volumes, as_volumes = None, has_volumes(sources)
    if form not in FORMS or (form == "volumes" and not as_volumes) or (form == "slices" and spacing is not None):
        raise ValueError(
            f"Expected form 'slices', or 'volumes' for NIfTI volumes and then perhaps a spacing, got form {form!r} and "
            f"spacing {spacing} for {listed([source.image for source in sources])}."
        )
    if as_volumes:
        labels, read_off = survey_labels(sources, labels, mask_threshold, workers)
        notes = [*notes, *read_off]
    if form == "volumes":
        if clahe or clean_masks:
            raise ValueError(
                f"Expected clahe and clean_masks with slices only, got {clahe} and {clean_masks} for volumes."
            )
        return write_volumes(
            sources, out, name=name or out.resolve().name, modality=modality or "grey", labels=labels,
            foreground=foreground, split=split, seed=seed, spacing=spacing, mask_threshold=mask_threshold,
            workers=workers, group_source="volumes" if group_source == NO_GROUPS else group_source,
            class_order=class_order, window_percentiles=WINDOW_PERCENTILES, notes=notes,
        )  # fmt: skip
    if as_volumes:
        volumes = cut_volumes(sources, out / "slices", workers, slice_plane, empty_slices, mask_threshold, labels)
        sources, mask_threshold = volumes.sources(sources), None
        classes = binary(foreground) if labels is None else labels.written
    inspect = partial(inspect_pair, max_megapixels=max_megapixels)
    headers = for_each_pair(inspect, sources, workers, "reading headers")
    bits = _one_depth(sources, headers)
    told_binary = mask_threshold is not None or mask_foreground is not None
    if not as_volumes:
        classes, read_off = picture_labels(
            sources, out, labels, foreground, max_megapixels, workers, told_binary=told_binary
        )
        notes = [*notes, *read_off]
    treatment = Treatment(mask_threshold, target, clean_masks, clahe, mask_foreground, classes)
    records = convert_all(sources, headers, out, treatment, max_megapixels, workers)
    if volumes is None and labels is None and not told_binary:
        refuse_inverted(records, classes)
    items = [real_item(source, record) for source, record in zip(sources, records, strict=True)]
    if volumes is not None:
        items = [{**item, **volumes.provenance[record["stem"]]} for item, record in zip(items, records, strict=True)]
    keys = merged_groups(items, records)
    splits, parted = split_sources(sources, items, keys, split, seed)
    if num_channels is None:
        num_channels = 1 if all(record["grey"] for record in records) else 3
    training = [out / item["image"] for item in splits["training"]]
    datalist: dict[str, Any] = {
        "name": name or out.resolve().name,
        "modality": {"0": modality or ("RGB" if num_channels == 3 else "grey")},
        "labels": classes.datalist_labels,
        "classes": ordered_classes(sources, class_order),
        "num_channels": num_channels,
        "intensity_window": [0, 255] if bits == 8 else percentile_window(training),
        **({"clahe": True} if clahe else {}),
        "image_size": None if target is None else list(target),
        "split_seed": seed,
        "split_fractions": split,
        "group_source": group_source,
        **splits,
    }
    if volumes is not None:
        datalist["voxel_window"] = volumes.voxel_window(datalist["intensity_window"])
        datalist["group_source"] = "volumes" if group_source == NO_GROUPS else group_source
    summary = summarise(datalist, records, headers)
    if volumes is not None:
        summary["volumes"] = {**volumes.summary, "voxel_window": datalist["voxel_window"]}
        logger.info("%s: volumes %s", datalist["name"], summary["volumes"])
    notes = [*notes, *parted]
    if clahe:
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

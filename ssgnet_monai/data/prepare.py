"""From a folder of images (and masks) to a prepared dataset: PNG files of one size and a datalist."""

from __future__ import annotations

import logging
import math
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ssgnet_monai import __version__
from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.datalist import save_datalist
from ssgnet_monai.data.image_files import ImagePair, find_images, listed, locate_folders, pair_files
from ssgnet_monai.data.item_tables import read_classes, read_groups
from ssgnet_monai.data.open_picture import MAX_MEGAPIXELS, open_picture
from ssgnet_monai.data.prepare_image import inspect_pair
from ssgnet_monai.data.prepare_journal import convert_all, for_each_pair
from ssgnet_monai.data.prepare_summary import format_summary, summarise
from ssgnet_monai.data.splits import split_items
from ssgnet_monai.data.volume_slices import cut_volumes, has_volumes

logger = logging.getLogger(__name__)

WINDOW_PERCENTILES = (0.5, 99.5)


def prepare_folder(
    images: str | Path,
    masks: str | Path | None,
    out: str | Path,
    *,
    classes: str | Path | None = None,
    groups: str | Path | None = None,
    size: int | Sequence[int] | None = 256,
    name: str | None = None,
    modality: str | None = None,
    foreground: str = "lesion",
    split: Sequence[float] = (0.7, 0.1, 0.2),
    seed: int = 0,
    num_channels: int | None = None,
    mask_threshold: int | None = None,
    unlabeled_ok: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
    slice_plane: str | None = None,
    empty_slices: str = "keep",
    workers: int | None = None,
) -> Path:
    """Turn a folder of images and masks into PNG files of one size, a datalist and a record of what was found.

    Images become 8-bit PNG (16-bit grey stays 16-bit), masks 0/255. NIfTI volumes become 16-bit slices, which are one
    group (patient) unless ``groups`` says more; their window is written down in voxel values too, as ``voxel_window``.
    An interrupted run goes on where it stopped; files that are already written from unchanged sources are not decoded
    again.

    Args:
        images: folder of PNG, JPEG, TIFF, BMP, or of NIfTI volumes; also a folder around ``images/`` and ``masks/``.
        masks: folder of masks with the same stems (endings ``_mask``, ``_segmentation``, ``_lesion`` allowed), or None:
            a ``masks`` folder beside the images if there is one, else a dataset for classification.
        out: folder to write: ``datalist.json``, ``prepare.json``, ``images/``, ``masks/``.
        classes: ``"folders"``, or a CSV file of stem and class (``file.csv:column`` names the column); None: one class.
        groups: CSV file of stem and group (patient, lesion), or a regular expression with one capture group.
        size: pixels of both sides, (H, W), or None to keep sizes.
        name: dataset name; by default that of ``out``.
        modality: for the datalist; by default ``RGB`` or ``grey``.
        foreground: name of mask value 1.
        split: shares of training, validation, test.
        seed: seed of the split.
        num_channels: 1 or 3; by default 3 if any image has colour.
        mask_threshold: mask values above it are foreground; by default binary masks are expected and recognised.
        unlabeled_ok: images without mask go to ``unlabeled`` instead of raising. Those of a patient in validation or
            test are left out.
        max_megapixels: most millions of pixels of an image; decoding takes about ten bytes a pixel.
        slice_plane: how volumes are cut: axial, coronal, sagittal, or None: along the axis of the largest spacing.
        empty_slices: ``"keep"`` or ``"drop"`` slices of volumes whose mask has no foreground.
        workers: decoding threads; by default the cores of this process, at most 8.

    Returns:
        The path of ``datalist.json``.

    Raises:
        FileNotFoundError: a folder or table is missing.
        ValueError: what was expected, what was found, in which file, and what to do.
    """
    out = Path(out)
    target = _target_size(size)
    image_folder, mask_folder = locate_folders(images, masks)
    _check_apart(out, image_folder, mask_folder)
    inside = mask_folder if mask_folder is not None and mask_folder.resolve() != image_folder.resolve() else None
    image_files = find_images(image_folder, without=inside)
    mask_files = None if mask_folder is None else find_images(mask_folder)
    pairs = pair_files(image_files, mask_files, unlabeled_ok=unlabeled_ok)
    class_of = read_classes(pairs, classes, image_folder)
    group_of = read_groups(pairs, groups)
    workers = workers or min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)
    volumes = None
    if has_volumes(pairs):
        volumes = cut_volumes(pairs, out / "slices", workers, slice_plane, empty_slices, mask_threshold)
        class_of = volumes.spread(class_of)
        group_of = volumes.spread(group_of or {pair.stem: pair.stem for pair in pairs})
        pairs, mask_threshold = volumes.pairs, None
    inspect = partial(inspect_pair, max_megapixels=max_megapixels)
    headers = for_each_pair(inspect, pairs, workers, "reading headers")
    bits = _one_depth(pairs, headers)
    records = convert_all(pairs, headers, out, target, mask_threshold, max_megapixels, workers)

    items = [_item(record, class_of, group_of) for record in records]
    if volumes is not None:
        items = [{**item, **volumes.provenance[record["stem"]]} for item, record in zip(items, records, strict=True)]
    splits, left_out = _split(items, records, split, seed, has_masks=mask_folder is not None)
    if num_channels is None:
        num_channels = 1 if all(record["grey"] for record in records) else 3
    training = [out / item["image"] for item in splits["training"]]
    datalist: dict[str, Any] = {
        "name": name or out.resolve().name,
        "modality": {"0": modality or ("RGB" if num_channels == 3 else "grey")},
        "labels": {"0": "background", "1": foreground},
        "classes": sorted(set(class_of.values())),
        "num_channels": num_channels,
        "intensity_window": [0, 255] if bits == 8 else percentile_window(training),
        "image_size": None if target is None else list(target),
        "split_seed": seed,
        "split_fractions": [float(share) for share in split],
        "group_source": _group_source(groups),
        **splits,
    }
    if volumes is not None:
        datalist["voxel_window"] = volumes.voxel_window(datalist["intensity_window"])
        datalist["group_source"] = "volumes" if groups is None else datalist["group_source"]
    summary = summarise(datalist, records, headers)
    if volumes is not None:
        summary["volumes"] = {**volumes.summary, "voxel_window": datalist["voxel_window"]}
        logger.info("%s: volumes %s", datalist["name"], summary["volumes"])
    if left_out:
        summary["warnings"].append(f"{left_out} images without mask share a patient with validation or test: left out.")
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
    return [low, high]


def _target_size(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < 1:
        raise ValueError(f"Expected a size of at least 1 pixel, got {size}.")
    return int(height), int(width)


def _check_apart(out: Path, *sources: Path | None) -> None:
    for source in sources:
        if source is None:
            continue
        place, written = source.resolve(), [out.resolve(), (out / "images").resolve(), (out / "masks").resolve()]
        if any(folder == place or place in folder.parents for folder in written):
            raise ValueError(
                f"Expected an output folder apart from the source pictures, got {out} and {source}. "
                "The prepared files would mix with the sources; choose another folder."
            )


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


def _item(record: Mapping[str, Any], class_of: Mapping[str, str], group_of: Mapping[str, str]) -> dict[str, Any]:
    item = {"image": record["image"], "class": class_of[record["stem"]], "origin": "real"}
    if "label" in record:
        item["label"] = record["label"]
    if group_of:
        item["group"] = group_of[record["stem"]]
    return item


def _split(
    items: Sequence[dict[str, Any]],
    records: Sequence[Mapping[str, Any]],
    fractions: Sequence[float],
    seed: int,
    *,
    has_masks: bool,
) -> tuple[dict[str, list[dict[str, Any]]], int]:
    """Split the labelled items; give the others to ``unlabeled`` unless their patient is in validation or test."""
    keys = _merged_groups(items, records)
    labelled = [index for index, item in enumerate(items) if "label" in item or not has_masks]
    splits = split_items([items[i] for i in labelled], fractions, seed, [keys[i] for i in labelled])
    key_of = {item["image"]: key for item, key in zip(items, keys, strict=True)}
    held_out = {key_of[item["image"]] for side in ("validation", "test") for item in splits[side]}
    rest = sorted(set(range(len(items))) - set(labelled))
    splits["unlabeled"] = [items[i] for i in rest if keys[i] not in held_out]
    return splits, len(rest) - len(splits["unlabeled"])


def _merged_groups(items: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]) -> list[str]:
    """One key per item: its group, joined with the groups that hold a pixel-identical image."""
    keys = [f"group {item['group']}" if "group" in item else f"image {item['image']}" for item in items]
    parent = {key: key for key in keys}

    def root(key: str) -> str:
        while parent[key] != key:
            key = parent[key]
        return key

    first: dict[str, str] = {}
    for key, record in zip(keys, records, strict=True):
        one, other = sorted((root(key), root(first.setdefault(record["sha256"], key))))
        parent[other] = one
    return [root(key) for key in keys]


def _group_source(groups: str | Path | None) -> str:
    """The table's name or the expression; no folder names of the machine that prepared the data."""
    if groups is None:
        return "none: every image is its own group"
    return Path(groups).name if Path(groups).is_file() or ".csv" in str(groups).lower() else str(groups)

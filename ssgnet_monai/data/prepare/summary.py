"""What was found in a dataset and what was inferred from it, as a dictionary and as a table for people."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ssgnet_monai.data.datalist import SPLITS
from ssgnet_monai.data.few_images import class_warnings, foreground_warnings, size_warnings
from ssgnet_monai.data.image_files import listed
from ssgnet_monai.data.prepare.inverted_masks import ON_BORDER
from ssgnet_monai.data.prepare.near_duplicates import near_pairs

MOSTLY_FOREGROUND = 0.8
NO_CLASS = "of no class"


def summarise(
    datalist: Mapping[str, Any], records: Sequence[Mapping[str, Any]], headers: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Count what the images and masks were.

    Args:
        datalist: the finished datalist.
        records: what ``convert_pair`` returned for every image.
        headers: what ``inspect_pair`` returned for every image.

    Returns:
        Plain numbers and strings: ``images``, ``masks``, ``splits`` (class by split), ``groups``, ``warnings``.
    """
    masks = [record for record in records if "label" in record]
    items = [item for split in SPLITS for item in datalist[split]]
    groups = Counter(item["group"] for item in items if "group" in item)
    copies = defaultdict(list)
    for record in records:
        copies[record["sha256"]].append(record["image"])
    identical = [images for images in copies.values() if len(images) > 1]
    split_of = {item["image"]: split for split in SPLITS for item in datalist[split]}
    class_of = {item["image"]: item["class"] for item in items if "class" in item}
    near, near_count = _near_duplicates(datalist, records)
    summary = {
        "images": {
            "count": len(records),
            "formats": _counts(header["format"] for header in headers),
            "modes": _counts(header["mode"] for header in headers),
            "bits": _counts(header["bits"] for header in headers),
            "grey": sum(record["grey"] for record in records),
            "turned_by_exif": sum(record["turned"] for record in records),
            "width": _range([record["width"] for record in records]),
            "height": _range([record["height"] for record in records]),
            "sizes": len({(record["width"], record["height"]) for record in records}),
            "identical": sum(len(images) - 1 for images in identical),
            "identical_files": identical,
            "identical_across_splits": sum(len({split_of.get(image) for image in images}) > 1 for images in identical),
            "identical_across_classes": [
                images for images in identical if len({class_of[image] for image in images if image in class_of}) > 1
            ],
            "near_duplicates": near_count,
            "near_duplicate_pairs": near,
        },
        "masks": {
            "count": len(masks),
            "encodings": _counts(record["mask_encoding"] for record in masks),
            "empty": sum(record["foreground"] == 0 for record in masks),
            "emptied_by_resizing": sum(record["vanished"] for record in masks),
            "median_foreground": float(np.median([record["foreground"] for record in masks])) if masks else None,
            "classes": {
                name: sum(int(number) in record["present"] for record in masks)
                for number, name in datalist["labels"].items()
                if number != "0"
            },
            "not_known": float(np.mean([record["not_known"] for record in masks])) if masks else 0.0,
        },
        "splits": {
            name or NO_CLASS: {split: sum(item.get("class") == name for item in datalist[split]) for split in SPLITS}
            for name in [*datalist["classes"], *([None] if any("class" not in item for item in items) else [])]
        },
        "groups": {
            "source": datalist["group_source"],
            "count": len(groups),
            "largest": max(groups.values(), default=0),
        },
        "image_size": datalist["image_size"],
        "num_channels": datalist["num_channels"],
        "intensity_window": datalist["intensity_window"],
    }
    empty = {record["label"] for record in masks if record["foreground"] == 0 or record["vanished"]}
    warnings = [
        *_warnings(summary, headers, records, volumes="voxel_window" in datalist),
        *size_warnings(datalist),
        *foreground_warnings(datalist, empty),
        *class_warnings(datalist, {record["label"]: record["present"] for record in masks}),
    ]
    return {**summary, "warnings": warnings}


def format_summary(summary: Mapping[str, Any]) -> str:
    """The summary as an aligned table of plain text."""
    images, masks, groups = summary["images"], summary["masks"], summary["groups"]
    size = summary["image_size"]
    lines = [
        f"images   {images['count']}: {_join(images['formats'])}; modes {_join(images['modes'])}; "
        f"bits {_join(images['bits'])}; {images['grey']} without colour",
        f"size     width {_span(images['width'])}, height {_span(images['height'])}, {images['sizes']} different; "
        + (f"written as {size[1]}x{size[0]} (width x height)" if size else "kept"),
        f"masks    {masks['count']}"
        + (f": {_join(masks['encodings'])}; {masks['empty']} empty; " if masks["count"] else " (classification only)")
        + (f"median foreground {masks['median_foreground']:.1%}" if masks["count"] else "")
        + (f"; {masks['not_known']:.1%} not known" if masks["not_known"] else ""),
        *([f"classes  of masks: {_join(masks['classes'])}"] if len(masks["classes"]) > 1 else []),
        f"groups   {groups['source']}"
        + (f": {groups['count']}, the largest of {groups['largest']} images" if groups["count"] else ""),
        f"tensors  {summary['num_channels']} channel(s), grey levels {summary['intensity_window']} -> 0 .. 1",
    ]
    width = max([len("class"), *map(len, summary["splits"])])
    lines.append(f"{'class':<{width}}" + "".join(f"{split:>12}" for split in SPLITS))
    for name, row in summary["splits"].items():
        lines.append(f"{name:<{width}}" + "".join(f"{row[split]:>12}" for split in SPLITS))
    return "\n".join(lines)


def _near_duplicates(
    datalist: Mapping[str, Any], records: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], int]:
    """Pairs that look alike across splits; unlabelled images are trained on, so they are on training's side."""
    split_of = {item["image"]: split for split in SPLITS for item in datalist[split]}
    hashes = {record["image"]: record["perceptual_hash"] for record in records if record["image"] in split_of}
    images = list(hashes)
    sides = ["training" if split_of[image] == "unlabeled" else split_of[image] for image in images]
    pairs, count = near_pairs(list(hashes.values()), sides)
    return [
        {"images": [images[i], images[j]], "splits": [split_of[images[i]], split_of[images[j]]], "different_bits": bits}
        for i, j, bits in pairs
    ], count


def _warnings(
    summary: Mapping[str, Any],
    headers: Sequence[Mapping[str, Any]],
    records: Sequence[Mapping[str, Any]],
    volumes: bool,
) -> list[str]:
    images, masks = summary["images"], summary["masks"]
    found = []
    untagged = [record["image"] for record, header in zip(records, headers, strict=True) if header["untagged"]]
    if untagged:
        found.append(
            f"{len(untagged)} images and their masks have not the same orientation tag, and each was turned by its "
            f"own: look at some, such as {listed(untagged)}. If they do not fit, save images and masks upright, "
            "without tag."
        )
    if images["identical"]:
        found.append(
            f"{images['identical']} images repeat another one pixel by pixel, such as "
            f"{' and '.join(images['identical_files'][0][:2])}; "
            + ("copies lie in different splits." if images["identical_across_splits"] else "copies share a split.")
        )
    if both := images["identical_across_classes"]:
        found.append(
            f"{len(both)} images lie in two classes pixel by pixel, such as {' and '.join(both[0][:2])}: one of the "
            "classes is wrong. Remove what is."
        )
    if images["near_duplicates"]:
        closest = images["near_duplicate_pairs"][0]
        one, other = (f"{image} ({split})" for image, split in zip(closest["images"], closest["splits"], strict=True))
        found.append(
            f"{images['near_duplicates']} pairs of images in different splits look alike, such as {one} and {other}; "
            "prepare.json lists them. Scores on copies are too good: give them one group, or remove one of each pair."
        )
    if masks["emptied_by_resizing"]:
        what = "a class" if len(masks["classes"]) > 1 else "all foreground"
        found.append(
            f"{masks['emptied_by_resizing']} masks lost {what} by resizing or cleaning; prepare at a larger size."
        )
    if masks["count"] and masks["median_foreground"] > MOSTLY_FOREGROUND:
        found.append(
            f"The median mask covers {masks['median_foreground']:.0%} of its image. If that is the background, "
            + (
                "save the masks inverted."
                if volumes
                else "prepare again with the other mask_foreground, bright or dark."
            )
        )
    around = [record["label"] for record in records if record.get("border_foreground", 0) >= ON_BORDER]
    if around and not volumes:
        found.append(
            f"The foreground of {len(around)} of {masks['count']} masks lies all along the border of the picture: look "
            f"at some, such as {listed(around)}. Those that are inverted need to be exported again."
        )
    zero_one = [name for name in masks["encodings"] if name == "0/1"]
    if zero_one and len(set(masks["encodings"]) - {"empty"}) > 1:
        found.append(f"Masks are encoded in different ways ({_join(masks['encodings'])}); look at some of each.")
    if 0 < images["grey"] < images["count"] and summary["num_channels"] == 3:
        found.append(f"{images['grey']} of {images['count']} images have no colour and are repeated to 3 channels.")
    return found


def _counts(values: Any) -> dict[str, int]:
    return {str(key): number for key, number in sorted(Counter(values).items(), key=lambda pair: str(pair[0]))}


def _range(values: Sequence[int]) -> list[int]:
    return [int(min(values)), int(max(values))]


def _span(limits: Sequence[int]) -> str:
    return str(limits[0]) if limits[0] == limits[1] else f"{limits[0]}-{limits[1]}"


def _join(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} x {number}" for name, number in counts.items())

"""Generated images with their provenance, and the pool of unlabelled images that pseudo-labels are made for."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssgnet_monai.data.datalist import datalist_sha256
from ssgnet_monai.data.labeled_items import without_labels

logger = logging.getLogger(__name__)


def pool_items(
    datalist: dict[str, Any],
    hidden: Sequence[dict[str, Any]],
    synthetic: Sequence[str | Path],
    pool: str,
    dataset_dir: str | Path,
) -> list[dict[str, Any]]:
    """Unlabelled images by origin.

    Args:
        datalist: its "unlabeled" items may be real or synthetic.
        hidden: real training items whose masks are hidden (``split_labeled``), without a "label" field.
        synthetic: ``synthetic.json`` files of generators.
        pool: "synthetic", "real" or "both".
        dataset_dir: the prepared folder; generators must have been trained on its datalist.

    Returns:
        Items with "image" and "origin", without "label".

    Raises:
        FileNotFoundError: a ``synthetic.json`` is missing.
        ValueError: ``pool`` is none of the three, a file is no list of generated images, or a generator was trained on
            another datalist, whose training images may be test images of this one.
    """
    if pool not in ("synthetic", "real", "both"):
        raise ValueError(f"Expected pool 'synthetic', 'real' or 'both', got {pool!r}.")
    items = [{"origin": "real", **item} for item in (*datalist["unlabeled"], *hidden)]
    items += synthetic_items(synthetic, dataset_dir)
    chosen = without_labels(item for item in items if pool in ("both", item["origin"]))
    logger.info("pool (%s): %d images", pool, len(chosen))
    return chosen


def pool_sha256(items: Sequence[dict[str, Any]]) -> str:
    """SHA-256 of what a pool holds: name, origin and generator of each image, wherever the folders lie."""
    rows = sorted([Path(item["image"]).name, item["origin"], item.get("generator_sha256") or ""] for item in items)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def synthetic_items(synthetic: Sequence[str | Path], dataset_dir: str | Path) -> list[dict[str, Any]]:
    """The images of generators that were trained on one datalist, with their provenance.

    Args:
        synthetic: ``synthetic.json`` files.
        dataset_dir: the prepared folder, or its datalist.

    Returns:
        Items with absolute "image", "origin" and all that the files tell, without "label".

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no list of generated images, or a generator was trained on another datalist.
    """
    items, expected = [], datalist_sha256(dataset_dir)
    for path in map(Path, synthetic):
        for entry in _entries(path):
            if entry["datalist_sha256"] != expected:
                raise ValueError(
                    f"Expected images of generators trained on {dataset_dir} (datalist {expected[:12]}), got "
                    f"{entry['image']} of {path} from datalist {entry['datalist_sha256'][:12]}, whose training images "
                    "may be test images here. Train the generator on this datalist."
                )
            image = str(path.parent.absolute() / entry["image"])
            kept = {key: value for key, value in entry.items() if key != "label"}
            items.append({**kept, "image": image, "origin": "synthetic"})
    return items


def _entries(path: Path) -> list[dict[str, Any]]:
    remedy = "Generate the images again (the synthesis bundle's inference.yaml writes it at its end)."
    if not path.is_file():
        raise FileNotFoundError(f"Expected a list of generated images at {path}, found none. {remedy}")
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["unlabeled"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"Expected JSON with a list 'unlabeled' in {path}, got {type(error).__name__} ({error}). {remedy}"
        ) from error
    for entry in entries:
        missing = {"image", "datalist_sha256"} - set(entry)
        if missing:
            raise ValueError(f"Expected 'image' and 'datalist_sha256' of every image in {path}, got {entry}. {remedy}")
    return entries

"""Real training images and as many generated ones as balance the classes, in one list for a classifier."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ssgnet_monai.data.datalist import check_listed_files, datalist_path, datalist_sha256, load_datalist, save_datalist
from ssgnet_monai.data.pool import synthetic_items

logger = logging.getLogger(__name__)


def missing_images(
    class_sizes: Mapping[str, int], target: int | Literal["balanced"] = "balanced", extra: float = 0.0
) -> dict[str, int]:
    """How many generated images each class needs.

    Args:
        class_sizes: class -> real training images n.
        target: images T that every class is brought to; "balanced" is the largest n.
        extra: further images of every class, as a share of T, at least 0.

    Returns:
        Class -> ``max(0, T - n) + int(extra * T)``.

    Raises:
        ValueError: a target or share that is none.

    Source: SSGNet (arXiv 2510.06123), the authors' scripts.
    """
    whole = isinstance(target, int) and not isinstance(target, bool) and target >= 0
    if target != "balanced" and not whole:
        raise ValueError(f"Expected target 'balanced' or a number of images of at least 0, got {target!r}.")
    if isinstance(extra, bool) or not isinstance(extra, int | float) or not 0 <= extra < float("inf"):
        raise ValueError(f"Expected extra as a share of at least 0, such as 0.2, got {extra!r}.")
    images = max(class_sizes.values(), default=0) if target == "balanced" else int(target)
    return {name: max(0, images - size) + int(extra * images) for name, size in class_sizes.items()}


def class_sizes(training: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Class -> images of it, by name; items without a class count as "all"."""
    return dict(sorted(Counter(str(item.get("class", "all")) for item in training).items()))


def grow_datalist(
    dataset_dir: str | Path,
    synthetic: Sequence[str | Path],
    out: str | Path,
    target: int | Literal["balanced"] = "balanced",
    extra: float = 0.0,
    seed: int = 0,
) -> Path:
    """Add generated images to the training list; validation and test stay as they are.

    Images are drawn without replacement while they last, then again in the same order: a list that ran short holds
    the same item several times, which samples it so much more often. With one seed, a smaller share is part of a
    larger one.

    Args:
        dataset_dir: the prepared folder, or its datalist.
        synthetic: ``synthetic.json`` files of generators that were trained on that datalist.
        out: a ``.json`` file, or a folder for ``datalist.json``.
        target: images that every class is brought to, or "balanced".
        extra: further images of every class, as a share of the target.
        seed: seed of the draw.

    Returns:
        The file written. Its ``growth`` tells the settings, the hash of ``dataset_dir``'s list, and by class the
        images ``added`` and how many of them are ``distinct``.

    Raises:
        FileNotFoundError: a list or an image is missing.
        ValueError: a grown list to grow again, a generator of another datalist, or no image at all of a class.

    Example:
        >>> grown = grow_datalist("data/phantom", ["generators/irregular/synthetic.json"], "grown", target="balanced")
        >>> sizes = class_sizes(load_datalist(grown)["training"])
        >>> load_datalist(grown)["growth"]["target"]
        'balanced'
    """
    source, out = datalist_path(dataset_dir), Path(out)
    out = out if out.suffix == ".json" else out / "datalist.json"
    if out.resolve() == source.resolve():
        raise ValueError(f"Expected --out apart from the list of real images, got {out} for both. Name another folder.")
    datalist = load_datalist(source)
    generated = sum(item.get("origin") == "synthetic" for item in datalist["training"])
    if generated:
        raise ValueError(
            f"Expected real training images only, got {generated} synthetic ones in {source}. Grow the prepared list."
        )
    needed = missing_images(class_sizes(datalist["training"]), target, extra)
    pool = list({item["image"]: item for item in synthetic_items(synthetic, source)}.values())
    drawn = {
        name: _draw(name, number, pool, np.random.default_rng([seed, index]))
        for index, (name, number) in enumerate(needed.items())
    }
    growth = {
        "datalist_sha256": datalist_sha256(source),
        "target": target,
        "extra": extra,
        "seed": seed,
        "added": needed,
        "distinct": {name: len({item["image"] for item in items}) for name, items in drawn.items()},
    }
    added = [item for items in drawn.values() for item in items]
    grown = {**datalist, "growth": growth, "training": [*datalist["training"], *added]}
    check_listed_files(grown, out)
    return save_datalist(grown, out)


def _draw(name: str, number: int, pool: Sequence[dict[str, Any]], rng: np.random.Generator) -> list[dict[str, Any]]:
    own = [item for item in pool if item.get("class") == name]
    if number and not own:
        known = sorted({str(item.get("class")) for item in pool})
        raise ValueError(
            f"Expected generated images of class {name!r} ({number} are needed), got images of {known}. "
            "Give the synthetic.json of that class's generator."
        )
    if number > len(own):
        logger.warning(
            "class %r: %d generated images are needed, there are %d: %d short, so images repeat. Generate more "
            "(num_images).",
            name,
            number,
            len(own),
            number - len(own),
        )
    order = rng.permutation(len(own))
    logger.info("class %r: %d generated images added", name, number)
    return [own[order[k % len(own)]] for k in range(number)]

"""The phantom: the embedded default data set, generated on the spot and the same for the same seed."""

from __future__ import annotations

import csv
import json
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ssgnet_monai.data.atomic_write import atomic_path, write_json
from ssgnet_monai.data.image_io import write_image_png, write_label_png
from ssgnet_monai.data.phantom_lesion import PHANTOM_CLASSES, draw_patient, render_lesion
from ssgnet_monai.data.phantom_structures import LESION, STRUCTURES
from ssgnet_monai.data.prepare.folder import prepare_folder

logger = logging.getLogger(__name__)

LARGEST_PATIENT = 5
OVERSAMPLING = 2
PHANTOM_VERSION = 1  # changes when the same seed gives other pictures


def write_phantom(
    out: str | Path,
    num_images: Sequence[int] = (240, 80),
    size: int = 64,
    seed: int = 0,
    *,
    num_classes: int = 2,
    split: Sequence[float] = (0.7, 0.1, 0.2),
    workers: int | None = None,
) -> Path:
    """Generate lesion photographs of two classes, with masks and patients, and prepare them as any folder of images.

    The photographs are synthetic drawings, not medical data: they show that the software works and nothing else.
    Raw pictures (twice the size), masks, ``classes.csv`` and ``groups.csv`` go to ``out/source``.

    Args:
        out: folder to write.
        num_images: number of images of the classes ``regular`` and ``irregular``.
        size: pixels of both sides after preparation.
        seed: everything follows from it, image k from (seed, k).
        num_classes: of the masks, with the background: 2 lesion, 3 lesion and core, 4 a satellite beside them too. Core
            and satellite are missing in some images. Patients, lesions and images are those of 2 classes with the same
            seed, apart from what is drawn into them.
        split: shares of training, validation, test.
        workers: threads; by default the cores of this process, at most 8.

    Returns:
        The path of ``datalist.json``.

    Raises:
        ValueError: class sizes below 1, a size below 8 pixels, or other than 2 to 4 classes of masks.
    """
    names = ("background", LESION, *STRUCTURES)
    if not 2 <= num_classes <= len(names):
        raise ValueError(f"Expected 2 to {len(names)} classes, of {', '.join(names)}, got {num_classes}.")
    if len(num_images) != len(PHANTOM_CLASSES) or min(num_images) < 1 or size < 8:
        raise ValueError(
            f"Expected one positive number of images for each of {PHANTOM_CLASSES} and a size of at least 8 pixels, "
            f"got {tuple(num_images)} and {size}."
        )
    source = Path(out) / "source"
    settings = {"version": PHANTOM_VERSION, "num_images": list(num_images), "size": size, "seed": seed}
    settings |= {"num_classes": num_classes} if num_classes > 2 else {}
    finished = source / "phantom.json"
    if not finished.is_file() or json.loads(finished.read_text(encoding="utf-8")) != settings:
        _write_source(source, plan_phantom(num_images, seed), size * OVERSAMPLING, seed, workers, num_classes)
        write_json(finished, settings)
    return prepare_folder(
        source / "images",
        source / "masks",
        out,
        classes=source / "classes.csv",
        groups=source / "groups.csv",
        size=size,
        name="phantom",
        modality="RGB",
        split=split,
        seed=seed,
        num_channels=3,
        workers=workers,
        labels={str(value): name for value, name in enumerate(names[:num_classes])},
    )


def plan_phantom(num_images: Sequence[int], seed: int) -> list[dict[str, Any]]:
    """Class and patient of every image; a patient has 1 to 5 images, of one or both classes.

    Args:
        num_images: images per class, in the order of ``PHANTOM_CLASSES``.
        seed: seed of the plan.

    Returns:
        ``{"stem", "class", "patient"}`` of image 0, 1, ...; a patient's name ends in a number.
    """
    generator = np.random.default_rng([seed, 0])
    names = generator.permutation(np.repeat(PHANTOM_CLASSES, num_images))
    largest = max(1, min(LARGEST_PATIENT, len(names) // 6))  # a tiny phantom still has patients for three splits
    patients: list[int] = []
    patient = 0
    while len(patients) < len(names):
        patients += [patient] * int(generator.integers(1, largest + 1))
        patient += 1
    return [
        {"stem": f"phantom_{index:05d}", "class": str(name), "patient": f"patient_{owner:04d}"}
        for index, (name, owner) in enumerate(zip(names, patients, strict=False))
    ]


def draw_phantom(
    plan: dict[str, Any], index: int, size: int, seed: int, num_classes: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Image ``index`` of a plan: ((size, size, 3) uint8, (size, size) uint8 class numbers)."""
    patient = draw_patient(np.random.default_rng([seed, 1, int(plan["patient"].rpartition("_")[2])]))
    structures = (np.random.default_rng([seed, 3, index]), num_classes - 2) if num_classes > 2 else None
    return render_lesion(np.random.default_rng([seed, 2, index]), patient, plan["class"], size, structures)


def _write_source(
    source: Path, plans: Sequence[dict[str, Any]], size: int, seed: int, workers: int | None, num_classes: int
) -> None:
    def write(index: int) -> None:
        image, mask = draw_phantom(plans[index], index, size, seed, num_classes)
        write_image_png(source / "images" / f"{plans[index]['stem']}.png", image)
        write_label_png(source / "masks" / f"{plans[index]['stem']}_segmentation.png", mask)

    logger.info("phantom: drawing %d photographs (synthetic, no medical data)", len(plans))
    with ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1)) as pool:
        for _ in tqdm(pool.map(write, range(len(plans))), total=len(plans), desc="phantom", unit="image", disable=None):
            pass
    for name, column in (("classes.csv", "class"), ("groups.csv", "patient")):
        with atomic_path(source / name) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["stem", column], *([plan["stem"], plan[column]] for plan in plans)])

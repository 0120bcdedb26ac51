"""The phantom's volumes as a dataset: drawn, written as NIfTI, and prepared as any folder of volumes."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ssgnet_monai.data.atomic_write import atomic_path, write_json
from ssgnet_monai.data.phantom_body import ORGANS, draw_anatomy, draw_scan
from ssgnet_monai.data.prepare.folder import prepare_folder
from ssgnet_monai.data.volumes.nifti_file import write_nifti

logger = logging.getLogger(__name__)

VERSION = 1  # changes when the same seed gives other volumes
NUM_VOLUMES = 12
LEAST_VOLUMES, LEAST_SIZE = 6, 16
LABELS = {"background": 0, **{name: number for number, name in enumerate(ORGANS, start=1)}}


def write_phantom_volumes(
    out: str | Path,
    volumes: int = NUM_VOLUMES,
    size: int = 64,
    seed: int = 0,
    *,
    form: str = "volumes",
    split: Sequence[float] = (0.5, 0.2, 0.3),
    workers: int | None = None,
) -> Path:
    """Generate volumes of a body with two organs, of patients with one or two scans, and prepare them.

    The volumes are synthetic drawings, not medical data. They, their labels, ``dataset.json`` (the names of the labels)
    and ``groups.csv`` (the patients) go to ``out/source``.

    Args:
        out: folder to write.
        volumes: how many.
        size: voxels across, 16 or more; there are half as many slices. Spacing differs from patient to patient.
        seed: everything follows from it, volume k from (seed, k) and its patient.
        form: "volumes", whole; or "slices", which are resized to ``size``.
        split: shares of training, validation, test.
        workers: threads of the preparation.

    Returns:
        The path of ``datalist.json``.

    Raises:
        ValueError: too few or too small volumes, or an unknown form.
    """
    if volumes < LEAST_VOLUMES or size < LEAST_SIZE:
        raise ValueError(
            f"Expected at least {LEAST_VOLUMES} volumes of at least {LEAST_SIZE} voxels across, got {volumes} of "
            f"{size}. Give more with --volumes, larger ones with --size."
        )
    source = Path(out) / "source"
    settings = {"version": VERSION, "volumes": volumes, "size": size, "seed": seed}
    finished = source / "phantom.json"
    if not finished.is_file() or json.loads(finished.read_text(encoding="utf-8")) != settings:
        _write_source(source, plan_patients(volumes, seed), size, seed)
        write_json(finished, settings)
    return prepare_folder(
        source / "images",
        source / "labels",
        out,
        groups=source / "groups.csv",
        labels=source / "dataset.json",
        form=form,
        size=size,
        name="phantom",
        modality="CT",
        split=split,
        seed=seed,
        workers=workers,
    )


def plan_patients(volumes: int, seed: int) -> list[int]:
    """The patient of each volume: numbers from 0 on, each once or twice."""
    twice = np.random.default_rng([seed, 0]).integers(1, 3, volumes)
    return np.repeat(np.arange(volumes), twice)[:volumes].tolist()


def _write_source(source: Path, patients: Sequence[int], size: int, seed: int) -> None:
    logger.info("phantom: drawing %d volumes (synthetic, no medical data)", len(patients))
    for folder in ("images", "labels"):
        for stale in sorted((source / folder).glob("*.nii.gz")):  # of a larger phantom
            stale.unlink()
    rows = [["stem", "patient"]]
    for index, patient in enumerate(patients):
        anatomy = draw_anatomy(np.random.default_rng([seed, 1, patient]))
        voxels, classes, affine = draw_scan(anatomy, np.random.default_rng([seed, 2, index]), size)
        stem = f"phantom_{index:03d}"
        write_nifti(source / "images" / f"{stem}.nii.gz", voxels, affine)
        write_nifti(source / "labels" / f"{stem}.nii.gz", classes, affine, labels=True)
        rows.append([stem, f"patient_{patient:03d}"])
    write_json(source / "dataset.json", {"labels": LABELS})
    with atomic_path(source / "groups.csv") as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)

"""Synthetic images with their pseudo-labels as a review queue, and the decisions as a datalist."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from ssgnet_monai.data.atomic_write import sha256_file, write_json
from ssgnet_monai.data.datalist import datalist_sha256, load_datalist, save_datalist
from ssgnet_monai.data.image_io import resize_mask, write_label_png
from ssgnet_monai.data.label_space import IGNORED, label_names
from ssgnet_monai.data.pool import synthetic_items
from ssgnet_monai.data.pseudo_labels import read_manifest
from ssgnet_monai.label_app.label_check import read_label
from ssgnet_monai.pipeline.layout import StageFolder, run_around

QUEUE = "queue.json"
LABELS = Path("labels")
REVIEW = "pseudo_labels"
"""Name of the model that a review offers in Slicer."""


def open_review(pool: Path, folder: Path) -> Path:
    """Lay out the synthetic images of a round as studies, the least certain first by name; decisions are kept.

    Args:
        pool: a published round, such as ``runs/NAME/segmentation/ROW/seed0/pseudo_labels/round_02``.
        folder: of this review; one that holds another round's is refused.

    Returns:
        The folder of studies.

    Raises:
        FileNotFoundError: no such round, or its run is not whole.
        ValueError: the folder holds another review, or the round has no synthetic images.
    """
    manifest = pool / "manifest.json"
    if not manifest.is_file():
        raise FileNotFoundError(
            f"Expected a round of pseudo-labels such as runs/NAME/segmentation/ROW/seed0/pseudo_labels/round_02, found "
            f"no {manifest}."
        )
    record = {"pool": str(pool.resolve()), "manifest_sha256": sha256_file(manifest)}
    if (folder / QUEUE).exists():
        if json.loads((folder / QUEUE).read_text(encoding="utf-8"))["manifest_sha256"] != record["manifest_sha256"]:
            raise ValueError(f"Expected a new folder, or the review of {pool}, got the review of others in {folder}.")
        if (folder / "studies.partial").exists():
            (folder / "studies.partial").rename(folder / "studies")
        return folder / "studies"
    if (folder / "studies").exists():
        raise ValueError(
            f"Expected a new folder, or the review of {pool}, got {folder} with a folder 'studies' that no review made "
            f"(no {QUEUE}). Name another one with --folder."
        )
    source, known = _run_of(pool)
    items: list[dict[str, Any]] = []
    for mask in sorted(read_manifest(pool)["masks"], key=lambda mask: (mask["mean_confidence"], mask["image"])):
        image = (pool.parent / mask["image"]).resolve()
        if image in known:
            name = re.sub(r"[^\w-]", "_", f"{image.parent.parent.name}_{image.stem}")
            items.append({"id": f"{len(items) + 1:05d}_{name}", **mask, "image": str(image)})
    if not items:
        raise ValueError(f"Expected synthetic images in {pool}, found none. Run rounds with pool: synthetic or both.")
    unfinished = folder / "studies.partial"
    shutil.rmtree(unfinished, ignore_errors=True)
    original = unfinished / LABELS / "original"
    original.mkdir(parents=True)
    for item in items:
        shutil.copyfile(item["image"], unfinished / f"{item['id']}.png")
        with Image.open(item["image"]) as image, Image.open(pool / item["mask"]) as mask:
            drawn = resize_mask(np.asarray(mask), (image.height, image.width))
        write_label_png(original / f"{item['id']}.png", np.where(drawn == IGNORED, 0, drawn))
    write_json(folder / QUEUE, {**record, "classes": label_names(load_datalist(source)["labels"]), "items": items})
    unfinished.rename(folder / "studies")
    return folder / "studies"


def review_classes(studies: Path) -> list[str]:
    """Names of mask values 0, 1, ... of a review.

    Args:
        studies: what :func:`open_review` gave.

    Raises:
        FileNotFoundError: a review of an earlier version, and its run is gone.
    """
    return _read_queue(studies.parent)["classes"]


def write_reviewed(folder: Path, out: Path) -> dict[str, int]:
    """Write the run's datalist with the decisions: accepted and corrected pairs train as labelled images.

    A saved label accepts its image, with the mask as it was or as it was corrected; an empty one drops the image. What
    nobody has looked at stays in ``unlabeled``.

    Args:
        folder: of the review.
        out: folder of the new datalist; it must not be that of the run.

    Returns:
        Numbers of ``accepted``, ``dropped`` and ``waiting`` images.

    Raises:
        FileNotFoundError: no review there, or a file of the run is gone.
        ValueError: ``out`` is the run's own folder, or a saved label does not fit its image.
    """
    if not (folder / QUEUE).is_file():
        raise FileNotFoundError(f"Expected a review in {folder}, found no {QUEUE}. Begin one with --pool.")
    queue = _read_queue(folder)
    source, known = _run_of(Path(queue["pool"]))
    if out.resolve() == source.parent.resolve():
        raise ValueError(f"Expected another folder than the run's own data, got {out}.")
    datalist = load_datalist(source)
    files = (folder / "studies" / LABELS / "final").glob("*")
    saved = {path.name.split(".")[0]: path for path in sorted(files, key=lambda path: path.stat().st_mtime_ns)}
    accepted, waiting, dropped = [], [], []
    for item in queue["items"]:
        entry = known[Path(item["image"])]
        if item["id"] not in saved:
            waiting.append(entry)
            continue
        mask = read_label(item["image"], saved[item["id"]], len(queue["classes"]))
        if not mask.any():
            dropped.append(item["id"])
            continue
        label = out.absolute() / "masks" / f"{item['id']}.png"
        write_label_png(label, mask)
        accepted.append({**entry, "label": str(label), "reviewed": True})
    review = {
        "datalist_sha256": datalist_sha256(source),
        "manifest_sha256": queue["manifest_sha256"],
        "accepted": len(accepted),
        "dropped": dropped,
    }
    datalist["training"] += accepted
    datalist["unlabeled"] += waiting
    save_datalist({**datalist, "review": review}, out / "datalist.json")
    return {"accepted": len(accepted), "dropped": len(dropped), "waiting": len(waiting)}


def _read_queue(folder: Path) -> dict[str, Any]:
    """The queue of a review; an earlier version wrote no classes into it, which are those of the run's datalist."""
    queue = json.loads((folder / QUEUE).read_text(encoding="utf-8"))
    if "classes" not in queue:
        source, _ = _run_of(Path(queue["pool"]))
        queue["classes"] = label_names(load_datalist(source)["labels"])
    return queue


def _run_of(pool: Path) -> tuple[Path, dict[Path, dict[str, Any]]]:
    """The datalist of the run around a round, and its synthetic items by absolute path."""
    run, config = run_around(pool.resolve()), StageFolder(pool.resolve().parents[1]).config
    if not config.is_file():
        raise FileNotFoundError(f"Expected the run around {pool}, found no {config}. Copy the whole run.")
    synthetic = yaml.safe_load(config.read_text(encoding="utf-8")).get("synthetic", [])
    items = synthetic_items([run.root / path for path in synthetic], run.datalist)
    return run.datalist, {Path(item["image"]).resolve(): item for item in items}

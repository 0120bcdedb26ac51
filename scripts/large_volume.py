"""Measure the memory that a large volume takes, from preparation on.

    python scripts/large_volume.py --folder runs/large --output large.json

Draws three CT-like volumes with two organs, the first of 512 x 512 x 400 voxels of 16 bits (210 MB), the others small,
and runs on them what a user would type, each command in a process of its own: preparation, some steps of a small V-Net
on patches, and its sliding window over whole volumes. Peak memory is that of a command's whole process
tree.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.volumes.nifti_file import write_nifti
from ssgnet_monai.shipped import BUNDLES

logger = logging.getLogger("large_volume")
SMALL = (96, 96, 64)
SPACING = (0.8, 0.8, 1.0)
SPLITS = ("training", "validation", "test")
GIGABYTE = 2**30
BUNDLE = BUNDLES / "ssgnet_segmentation"
TRAINING = {"steps": 4, "epoch_length": 2, "batch_size": 2}
INTERVAL = 0.02
"""Seconds between samples of memory."""


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the commands and return what is written: seconds and peak memory of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where volumes and results go")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument(
        "--shape", type=int, nargs=3, default=[512, 512, 400], metavar="VOXELS", help="of the large one"
    )
    parser.add_argument("--patch", type=int, default=96, metavar="VOXELS", help="side of patches and windows")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    source, data = options.folder / "source", options.folder / "data"
    for seed, (split, shape) in enumerate(zip(SPLITS, (options.shape, SMALL, SMALL), strict=True)):
        draw(source, split, shape, seed)
    (source / "splits.csv").write_text("stem,split\n" + "".join(f"{split},{split}\n" for split in SPLITS))
    (source / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "liver": 1, "spleen": 2}}))
    folders = ["--images", source / "images", "--masks", source / "labels", "--splits", source / "splits.csv"]
    prepare = ["data", "prepare", *folders, "--form", "volumes", "--out", data]
    record: dict[str, Any] = {"shape": list(options.shape)}
    record["prepare"] = measured("prepare", [sys.executable, "-m", "ssgnet_monai.cli", *prepare])
    settings = bundle_settings(options.folder, data, options.patch)
    record["train"] = measured("train", bundle_run(["train", "volumes"], {**settings, **TRAINING}))
    found = {"dataset_dir": source / "images", "output_dir": options.folder / "found", "num_classes": 3}
    found["voxel_window"] = json.loads((data / "datalist.json").read_text())["voxel_window"]
    record["segment"] = measured("segment", bundle_run(["inference", "volumes_inference"], {**settings, **found}))
    if options.output:
        write_json(options.output, record)
    return record


def draw(source: Path, stem: str, shape: Sequence[int], seed: int) -> None:
    """Write ``images/<stem>.nii.gz`` and ``labels/<stem>.nii.gz``: two blocks in noise."""
    if (source / "labels" / f"{stem}.nii.gz").is_file():
        return
    classes = np.zeros(shape, np.uint8)
    i, j, k = (length // 4 for length in shape)
    classes[i : 2 * i, j : 3 * j, k : 3 * k] = 1
    classes[2 * i + 2 : 3 * i, j : 2 * j, k : 2 * k] = 2
    voxels, rng = np.empty(shape, np.int16), np.random.default_rng(seed)
    for layer in range(shape[2]):
        voxels[..., layer] = rng.normal(0, 30, shape[:2]) + np.array([0, 80, 200])[classes[..., layer]]
    affine = np.diag([*SPACING, 1.0])
    write_nifti(source / "images" / f"{stem}.nii.gz", voxels, affine)
    write_nifti(source / "labels" / f"{stem}.nii.gz", classes, affine, labels=True)


def bundle_settings(folder: Path, data: Path, side: int) -> dict[str, Any]:
    """A small V-Net, and windows that do not overlap."""
    model = folder / "model"
    sizes = {"patch_size": [side] * 3, "network_def#width": 4, "overlap": 0.0}
    return {"dataset_dir": data, "output_dir": model, "ckpt_dir": model, "bundle_root": BUNDLE, **sizes}


def bundle_run(configs: Sequence[str], settings: dict[str, Any]) -> list[str]:
    """The command that runs configurations of the segmentation bundle."""
    files = str([str(BUNDLE / "configs" / f"{name}.yaml") for name in configs])
    words = [word for key, value in settings.items() for word in (f"--{key}", str(value))]
    return [sys.executable, "-m", "monai.bundle", "run", "--config_file", files, *words]


def measured(title: str, words: Sequence[Any]) -> dict[str, float]:
    """Run a command to its end: its seconds and peak memory."""
    start, peak = time.monotonic(), 0
    process = psutil.Popen([str(word) for word in words])
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            peak = max(peak, sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]))
        time.sleep(INTERVAL)
    if process.returncode:
        raise SystemExit(f"{title} ended with {process.returncode}.")
    found = {"seconds": round(time.monotonic() - start, 1), "peak_gb": round(peak / GIGABYTE, 2)}
    logger.info("%-10s %6.1f s  %5.2f GB", title, found["seconds"], found["peak_gb"])
    return found


if __name__ == "__main__":
    main()

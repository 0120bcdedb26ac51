"""Measure memory and speed of preparation and pseudo-labelling on many drawn images.

    python scripts/benchmark_scale.py --images 10000 --folder runs/scale --output scale.json

Each stage is the command a user would type, in a process of its own. Memory is that of its whole process tree; both
stages should need no more of it for 10,000 images than for 1,000. With --interrupt each is killed half-way and begun
again. Seconds include the start of Python and PyTorch (5 to 10 s).
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml
from PIL import Image, ImageDraw

from ssgnet_monai.data.atomic_write import write_json

logger = logging.getLogger("benchmark_scale")
REPOSITORY = Path(__file__).resolve().parents[1]
CONFIGS = REPOSITORY / "bundles" / "ssgnet_segmentation" / "configs"
MEGABYTE = 2**20
POINTS = 10
"""Points of the memory curve that are written."""
INTERVAL = 0.05
"""Seconds between samples of memory."""
COLUMNS = ("seconds", "images_per_s", "peak_mb")


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the stages named on the command line and return what is written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where images and results go")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--images", type=int, default=10_000, metavar="N", help="how many to draw (default 10000)")
    parser.add_argument("--size", type=int, default=256, metavar="PIXELS", help="of both sides (default 256)")
    parser.add_argument("--source-size", type=int, metavar="PIXELS", help="of the drawn images (default: --size)")
    parser.add_argument("--jpeg", action="store_true", help="draw JPEG images instead of PNG")
    parser.add_argument("--batch", type=int, default=16, help="images that are labelled together (default 16)")
    parser.add_argument("--only", nargs="+", choices=("prepare", "label"), default=["prepare", "label"])
    parser.add_argument("--interrupt", action="store_true", help="kill each stage half-way and begin it again")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    folder = options.folder.absolute()
    draw_images(folder / "source", options.images, options.source_size or options.size, options.jpeg)
    record: dict[str, Any] = {
        "images": options.images,
        "size": options.size,
        "source": f"{options.source_size or options.size} pixels, {'JPEG' if options.jpeg else 'PNG'}",
        "cpus": len(os.sched_getaffinity(0)),
        "load_before": os.getloadavg()[0],
    }
    stages = {
        "prepare": (prepare_command, folder / "data" / "masks"),
        "label": (label_command, folder / "rounds" / "pseudo_labels" / "round_00.partial"),
    }
    for name in options.only:
        make_command, masks = stages[name]
        command, kept = make_command(folder, options), 0
        if options.interrupt:
            run(command, partial(half_done, masks, options.images))
            kept = count_masks(masks)
        result = run(command)
        written = count_masks(masks if masks.exists() else masks.with_suffix(""))
        record[name] = {"masks": written, "kept": kept, **result}
        record[name]["images_per_s"] = (written - kept) / result["seconds"]
        logger.info("%-8s %8.1f s %8.1f images/s %8.0f MB", name, *(record[name][key] for key in COLUMNS))
    if options.output:
        write_json(options.output, record)
    return record


def draw_images(folder: Path, number: int, size: int, jpeg: bool = False) -> None:
    """Draw ``number`` coloured noise pictures, each with one ellipse, and their masks; those that exist are kept."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for index in range(number):
        if (folder / "masks" / f"case{index:06d}.png").exists():
            continue
        generator = np.random.default_rng([0, index])
        coarse = Image.fromarray(generator.integers(0, 256, (16, 16, 3), np.uint8))
        image, mask = coarse.resize((size, size), Image.Resampling.BICUBIC), Image.new("L", (size, size))
        left, top, width, height = (size * generator.uniform((0.1, 0.1, 0.2, 0.2), (0.4, 0.4, 0.5, 0.5))).tolist()
        for picture, colour in ((image, (180, 90, 60)), (mask, 255)):
            ImageDraw.Draw(picture).ellipse((left, top, left + width, top + height), fill=colour)
        name = f"case{index:06d}.{'jpg' if jpeg else 'png'}"
        image.save(folder / "images" / name, compress_level=1, quality=90)
        mask.save(folder / "masks" / f"case{index:06d}.png", compress_level=1)


def prepare_command(folder: Path, options: argparse.Namespace) -> list[str]:
    """``ssgnet data prepare`` of all images, nearly all of them for training."""
    words = [sys.executable, "-m", "ssgnet_monai.cli", "data", "prepare", "--images", str(folder / "source")]
    return [*words, "--out", str(folder / "data"), "--size", str(options.size), "--split", "0.96", "0.02", "0.02"]


def label_command(folder: Path, options: argparse.Namespace) -> list[str]:
    """The bundle's ``rounds`` without a round: a baseline of one step labels all other training images."""
    unet = {"_target_": "UNet", "spatial_dims": 2, "in_channels": 3, "out_channels": 1}
    config = {
        "bundle_root": str(CONFIGS.parent),
        "dataset_dir": str(folder / "data"),
        **dict.fromkeys(("output_dir", "ckpt_dir"), str(folder / "rounds")),
        "image_size": options.size,
        "batch_size": options.batch,
        "network_def": {**unet, "channels": [8, 16, 32], "strides": [2, 2]},
        **{"steps": 1, "num_rounds": 0, "num_labeled": 4, "pool": "real"},
    }
    override = folder / "label.yaml"
    override.write_text(yaml.safe_dump(config), encoding="utf-8")
    files = [str(CONFIGS / "train.yaml"), str(CONFIGS / "rounds.yaml"), str(override)]
    words = [sys.executable, "-m", "monai.bundle", "run", "rounds", "--config_file", str(files)]
    return [*words, "--logging_file", str(CONFIGS / "logging.conf")]


def run(command: Sequence[str], stop_when: Callable[[], bool] | None = None) -> dict[str, Any]:
    """Run a command to its end, or kill it as soon as ``stop_when()``.

    Returns:
        ``seconds``; ``cpu_seconds`` of all threads; ``peak_mb`` of the process tree (sampled; the kernel's own mark
        of the parent where that is higher); ``rss_mb``, samples spread over the run.

    Raises:
        RuntimeError: the command failed.
    """
    environment = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", **os.environ}
    began, samples, killed = time.monotonic(), [0], False
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = psutil.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            samples.append(tree_rss(process))
            if stop_when is not None and not killed and stop_when():
                killed = True
                for victim in [*process.children(recursive=True), process]:
                    victim.kill()
            time.sleep(INTERVAL)
        seconds = time.monotonic() - began
        log.seek(0)
        if os.waitstatus_to_exitcode(ended[1]) and not killed:
            raise RuntimeError(f"Expected success of {' '.join(command)}, got:\n{log.read()[-3000:]}")
    peak = max(*samples, ended[2].ru_maxrss * 1024)
    curve = [samples[i] for i in np.linspace(0, len(samples) - 1, POINTS).astype(int)]
    return {
        "seconds": seconds,
        "cpu_seconds": ended[2].ru_utime + ended[2].ru_stime,
        "peak_mb": peak / MEGABYTE,
        "rss_mb": [round(value / MEGABYTE) for value in curve],
    }


def tree_rss(process: psutil.Process) -> int:
    """Resident bytes of a process and all below it; pages that they share count for each."""
    total = 0
    for member in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            total += member.memory_info().rss
    return total


def half_done(masks: Path, images: int) -> bool:
    """Whether half of the masks are written."""
    return count_masks(masks) >= images // 2


def count_masks(folder: Path) -> int:
    """PNG files that are whole, by their names."""
    return sum(path.suffix == ".png" and not path.name.startswith(".") for path in sorted(folder.glob("*")))


if __name__ == "__main__":
    main()

"""KID of a generator by kimg: one training, scored on its way.

    python scripts/generator_curve.py --data data/kvasir --config configs/profiles/synthesis_64px_long_cpu.yaml \\
        --image-size 64 --kimg 5 10 25 50 100 --folder runs/generator --output generator.json

The synthesis bundle trains to the first of the thousands of images, generates and scores, and goes on from its
checkpoint to the next: the training is the same as without a stop. Beside each KID, ``generator.json`` has the KID of
real against real and of an untrained generator, by the same features. ``curve.png`` in the folder has one row of images
for each point, all rows of the same latents. The same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigWorkflow

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.datalist import load_datalist
from ssgnet_monai.data.image_grid import image_grid, write_image
from ssgnet_monai.shipped import BUNDLES
from ssgnet_monai.transforms import LoadImageMaskd

logger = logging.getLogger("generator_curve")
BUNDLE = BUNDLES / "ssgnet_synthesis" / "configs"
SHOWN = 8


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Train and score all points and return what is written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="prepared folder")
    parser.add_argument("--config", type=Path, nargs="*", default=[], help="overlays: dataset, profile")
    parser.add_argument("--image-size", type=int, required=True, metavar="PIXELS")
    parser.add_argument("--kimg", type=float, nargs="+", required=True, help="thousand images at which to score")
    parser.add_argument("--num-images", type=int, default=500, help="generated for each score")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True, help="where the training and the images go")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    points = [point(kimg, options) for kimg in sorted(options.kimg)]
    load = LoadImageMaskd(load_datalist(options.data)["intensity_window"])
    shown = [load({"image": path})["image"] for kimg in sorted(options.kimg) for path in first_images(kimg, options)]
    write_image(options.folder / "curve.png", image_grid(torch.stack(shown).as_subclass(torch.Tensor), SHOWN))
    record = {"seed": options.seed, "image_size": options.image_size, "points": points}
    if options.output:
        write_json(options.output, record)
    return record


def point(kimg: float, options: argparse.Namespace) -> dict[str, Any]:
    """Train up to ``kimg``, generate, and score."""
    folder, training = _folder(kimg, options), options.folder / "training"
    if not (folder / "metrics.json").exists():
        run(["train"], options, kimg=kimg, output_dir=str(training))
        run(["inference"], options, num_images=options.num_images, output_dir=str(folder))
        run(["train", "evaluate"], options, features_dir=str(training), output_dir=str(folder))
    scores = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    lines = (training / "state" / "stats.jsonl").read_text(encoding="utf-8").splitlines()
    seconds = [s["seconds_per_kimg"] for s in map(json.loads, lines) if s["kimg"] <= kimg]
    found = {
        "kimg": kimg,
        "kid": scores["kid"],
        "fid": scores["fid"],
        "real_vs_real": scores["references"]["real_vs_real"]["kid"],
        "untrained": scores["references"]["untrained"]["kid"],
        "features": scores["features"],
        "seconds_per_kimg": sum(seconds) / max(1, len(seconds)),
    }
    logger.info("%6.1f kimg: KID %.4f, FID %.1f", kimg, found["kid"]["mean"], found["fid"])
    return found


def run(names: list[str], options: argparse.Namespace, **settings: Any) -> None:
    """Run the synthesis bundle."""
    workflow = ConfigWorkflow(
        config_file=[*(str(BUNDLE / f"{name}.yaml") for name in names), *map(str, options.config)],
        meta_file=str(BUNDLE / "metadata.json"),
        logging_file=False,
        workflow_type="infer" if names == ["inference"] else "train",
        bundle_root=str(BUNDLE.parent),
        dataset_dir=str(options.data),
        image_size=options.image_size,
        seed=options.seed,
        ckpt_dir=str(options.folder / "training"),
        **settings,
    )
    workflow.initialize()
    workflow.run()


def first_images(kimg: float, options: argparse.Namespace) -> list[Path]:
    """The images of the first latents at a point; of a class, its first ones."""
    folder = _folder(kimg, options)
    listed = json.loads((folder / "synthetic.json").read_text(encoding="utf-8"))["unlabeled"]
    return [folder / entry["image"] for entry in (listed * SHOWN)[:SHOWN]]


def _folder(kimg: float, options: argparse.Namespace) -> Path:
    return options.folder / f"kimg{kimg:09.3f}"


if __name__ == "__main__":
    main()

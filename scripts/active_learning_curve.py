"""Test Dice by number of labels: the strategy ``disagreement`` against drawing at random.

    ssgnet data prepare kvasir_seg --source FOLDER --size 64 --out data/kvasir
    python scripts/active_learning_curve.py --data data/kvasir --folder runs/active --output active.json

The training images' masks are revealed on demand. Both strategies begin with the same random images; then each asks
for more until the next label count, and a fresh UNet learns from all that is revealed, for the same number of steps.
Validation chooses the checkpoint; the test images are scored once a point and choose nothing. The same command goes on
where it stopped.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigWorkflow

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.datalist import load_datalist
from ssgnet_monai.engines import flip_disagreement
from ssgnet_monai.label_app.score_file import EXPLORATION
from ssgnet_monai.shipped import BUNDLES, CONFIGS

logger = logging.getLogger("active_learning_curve")
BUNDLE = BUNDLES / "ssgnet_vmunet_segmentation" / "configs"
STRATEGIES = ("random", "disagreement")
BATCH = 32


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run all points and return what is written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="prepared folder with masks")
    parser.add_argument("--folder", type=Path, required=True, help="where models and choices go")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--labels", type=int, nargs="+", default=[10, 20, 40, 80, 160], metavar="N")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="SEED")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--image-size", type=int, default=64, metavar="PIXELS")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    training = load_datalist(options.data)["training"]
    dice: dict[str, list[list[float]]] = {strategy: [] for strategy in STRATEGIES}
    for seed in options.seeds:
        first = random.Random(f"{seed} first").sample(range(len(training)), options.labels[0])
        for strategy in STRATEGIES:
            dice[strategy].append(curve(strategy, seed, first, training, options))
    differences = [
        [one - other for one, other in zip(ours, theirs, strict=True)]
        for ours, theirs in zip(dice["disagreement"], dice["random"], strict=True)
    ]
    record = {
        "labels": options.labels,
        "seeds": options.seeds,
        "steps": options.steps,
        "test_dice": dice,
        "mean": {strategy: by_count(curves) for strategy, curves in dice.items()},
        "disagreement_minus_random": by_count(differences),
    }
    for name, row in {**record["mean"], "difference": record["disagreement_minus_random"]}.items():
        logger.info("%-14s %s", name, "  ".join(f"{mean:+.3f} (sd {sd:.3f})" for mean, sd in row))
    if options.output:
        write_json(options.output, record)
    return record


def by_count(curves: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Mean and standard deviation over seeds at each label count."""
    return [
        (statistics.mean(point), statistics.stdev(point) if len(point) > 1 else 0.0)
        for point in zip(*curves, strict=True)
    ]


def curve(
    strategy: str, seed: int, first: list[int], training: list[dict[str, Any]], options: argparse.Namespace
) -> list[float]:
    """Pooled test Dice at each label count; what was asked for is kept in ``chosen.json``."""
    known, found = list(first), []
    before = options.folder
    for count in options.labels:
        name = strategy if count > options.labels[0] else "first"  # the first model is common to both
        folder = options.folder / f"seed{seed}" / f"{name}_{count:04d}"
        if count > len(known):
            chosen = folder / "chosen.json"
            if not chosen.exists():
                more = ask(strategy, seed, known, count, training, before, options)
                write_json(chosen, more)
            known += json.loads(chosen.read_text(encoding="utf-8"))
        found.append(point(folder, seed, known, training, options))
        logger.info("seed %d, %s, %d labels: test Dice %.4f", seed, strategy, count, found[-1])
        before = folder
    return found


def point(
    folder: Path, seed: int, known: list[int], training: list[dict[str, Any]], options: argparse.Namespace
) -> float:
    """Train on the revealed masks and score the model on test."""
    if not (folder / "metrics.json").exists():
        for names in (["train"], ["train", "evaluate"]):
            workflow(folder, names, seed, known, training, options).run()
    record = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return record["checkpoints"][record["chosen"]]["pooled"]["dice"]


def workflow(
    folder: Path,
    names: list[str],
    seed: int,
    known: list[int],
    training: list[dict[str, Any]],
    options: argparse.Namespace,
) -> ConfigWorkflow:
    """The segmentation bundle with a UNet, on the revealed masks."""
    hidden = [{"image": item["image"]} for index, item in enumerate(training) if index not in set(known)]
    made = ConfigWorkflow(
        config_file=[*(str(BUNDLE / f"{name}.yaml") for name in names), str(CONFIGS / "profiles" / "unet_cpu.yaml")],
        meta_file=str(BUNDLE / "metadata.json"),
        logging_file=False,
        workflow_type="train",
        bundle_root=str(BUNDLE.parent),
        dataset_dir=str(options.data),
        labels=[[training[index] for index in known], hidden],
        image_size=options.image_size,
        steps=options.steps,
        seed=seed,
        **dict.fromkeys(("output_dir", "ckpt_dir"), str(folder)),
    )
    made.initialize()
    return made


def ask(
    strategy: str,
    seed: int,
    known: list[int],
    count: int,
    training: list[dict[str, Any]],
    folder: Path,
    options: argparse.Namespace,
) -> list[int]:
    """The images that a strategy asks for next."""
    rest = [index for index in range(len(training)) if index not in set(known)]
    draw = random.Random(f"{seed} {strategy} {count}")
    more = draw.sample(rest, count - len(known))
    if strategy == "random":
        return more
    explored = more[: round(EXPLORATION * len(more))]
    scores = score(folder, seed, known, training, options)
    by_score = sorted((index for index in rest if index not in set(explored)), key=lambda index: -scores[index])
    return explored + by_score[: len(more) - len(explored)]


def score(
    folder: Path, seed: int, known: list[int], training: list[dict[str, Any]], options: argparse.Namespace
) -> dict[int, float]:
    """How much the model's masks of flipped images disagree, by index of the training list."""
    parser = workflow(folder, ["train"], seed, known, training, options).parser
    network = parser.get_parsed_content("network").eval()
    network.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    transform, inferer = parser.get_parsed_content("validate#preprocessing"), parser.get_parsed_content("train#inferer")
    device = next(network.parameters()).device
    scores: list[float] = []
    for start in range(0, len(training), BATCH):
        items = [transform({"image": item["image"]})["image"] for item in training[start : start + BATCH]]
        scores += flip_disagreement(lambda x: inferer(x, network), torch.stack(items).to(device)).tolist()
    return dict(enumerate(scores))


if __name__ == "__main__":
    main()

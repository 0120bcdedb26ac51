"""Test Dice by number of labels: two strategies against drawing at random.

    ssgnet data prepare kvasir_seg --source FOLDER --size 64 --split 0.85 0.15 0 --out data/kvasir
    ssgnet data prepare kvasir_seg --source FURTHER --size 64 --out data/kvasir_test
    python scripts/active_learning_curve.py --data data/kvasir --test data/kvasir_test \\
        --folder runs/active --output active.json

The training images' masks are revealed on demand. All strategies begin with the same random images; then each asks for
more until the next label count, and a fresh UNet learns from all that is revealed, for the same number of steps.

- ``disagreement``, as in the label app: images whose mask changes most when they are flipped, every fifth at random.
- ``boundary``: drawn with a chance that rises with the entropy along the predicted mask's edge (power sampling).

Validation chooses the checkpoint; the test images are scored once a point and choose nothing. What is asked beforehand:
does a strategy's mean Dice over the test images, averaged over the label counts after the first, differ from random's?
The same command goes on where it stopped.

Source: Kirsch et al., "Stochastic Batch Acquisition: A Simple Baseline for Deep Active Learning" (arXiv 2106.12059),
power acquisition, for ``boundary``.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigWorkflow
from torch.nn import functional

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.datalist import SPLITS, load_datalist
from ssgnet_monai.data.tensor_file import load_tensors
from ssgnet_monai.engines import flip_disagreement
from ssgnet_monai.label_app.score_file import EXPLORATION
from ssgnet_monai.metrics import paired_bootstrap
from ssgnet_monai.shipped import BUNDLES, CONFIGS

logger = logging.getLogger("active_learning_curve")
BUNDLE = BUNDLES / "ssgnet_segmentation" / "configs"
STRATEGIES = ("random", "disagreement", "boundary")
BATCH = 32
EDGE = 5
"""Side of the square, in pixels, within which a pixel of the other class makes a pixel part of the edge."""


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run all points and return what is written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="prepared folder with masks")
    parser.add_argument("--test", type=Path, help="prepared folder whose images all are test images (those of --data)")
    parser.add_argument("--folder", type=Path, required=True, help="where models and choices go")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--labels", type=int, nargs="+", default=[10, 20, 40, 80, 160], metavar="N")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4], metavar="SEED")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--image-size", type=int, default=64, metavar="PIXELS")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    settings = {name: str(getattr(options, name)) for name in ("data", "test", "labels", "steps", "image_size")}
    known = options.folder / "settings.json"
    if known.exists() and (before := json.loads(known.read_text(encoding="utf-8"))) != settings:
        parser.error(f"expected the settings of {known}, {before}; got {settings}. Give another --folder.")
    write_json(known, settings)
    data = load_datalist(options.data)
    if options.test:
        further = load_datalist(options.test)
        data["test"] = [item for split in SPLITS for item in further[split] if "label" in item]
    dice: dict[str, list[torch.Tensor]] = {strategy: [] for strategy in STRATEGIES}
    for seed in options.seeds:
        first = random.Random(f"{seed} first").sample(range(len(data["training"])), options.labels[0])
        for strategy in STRATEGIES:
            dice[strategy].append(curve(strategy, seed, first, data, options))
    record = {
        "labels": options.labels,
        "seeds": options.seeds,
        "steps": options.steps,
        "images": {split: len(data[split]) for split in SPLITS},
        **summary(dice, options.labels),
    }
    for strategy, found in record["strategies"].items():
        logger.info("%-14s %s", strategy, "  ".join(f"{mean:.3f} (sd {sd:.3f})" for mean, sd in found["test_dice"]))
    for strategy, points in record["minus_random"].items():
        for name, point in points.items():
            logger.info("%-14s %-8s %+.3f [%+.3f, %+.3f]", strategy, name, point["difference"], *point["ci95"])
    if options.output:
        write_json(options.output, record)
    return record


def summary(dice: dict[str, list[torch.Tensor]], labels: Sequence[int]) -> dict[str, Any]:
    """Means over seeds and paired differences from random.

    Args:
        dice: strategy -> one tensor a seed, (label counts, test images): Dice of each image.
        labels: the label counts.

    Returns:
        ``strategies``: means over images by seed, and (mean, standard deviation over seeds) by label count.
        ``minus_random``: at each label count after the first, and for their mean (``all``), the difference, by seed
        too, and a 95 % interval that holds the choice of test images and of the seed (see ``paired_bootstrap``).
    """
    strategies = {}
    for strategy, seeds in dice.items():
        means = torch.stack(seeds).mean(2)
        spread = means.std(0) if len(seeds) > 1 else torch.zeros(means.shape[1])
        strategies[strategy] = {
            "by_seed": means.tolist(),
            "test_dice": list(zip(means.mean(0).tolist(), spread.tolist(), strict=True)),
        }
    minus_random: dict[str, dict[str, Any]] = {}
    for strategy in STRATEGIES[1:]:
        ours, theirs = torch.stack(dice[strategy])[:, 1:], torch.stack(dice["random"])[:, 1:]
        points = {str(count): (ours[:, i], theirs[:, i]) for i, count in enumerate(labels[1:])}
        points["all"] = (ours.mean(1), theirs.mean(1))
        minus_random[strategy] = {name: paired(*point) for name, point in points.items()}
    return {"strategies": strategies, "minus_random": minus_random}


def paired(ours: torch.Tensor, theirs: torch.Tensor) -> dict[str, Any]:
    """Difference of two tensors (seeds, images): mean, by seed, interval over images and seeds."""
    found = paired_bootstrap(ours, theirs, seed=0)
    return {**found, "by_seed": (ours - theirs).mean(1).tolist()}


def curve(
    strategy: str, seed: int, first: list[int], data: dict[str, Any], options: argparse.Namespace
) -> torch.Tensor:
    """Dice (label counts, test images); what was asked for is kept in ``chosen.json``."""
    known, found = list(first), []
    before = options.folder
    for count in options.labels:
        name = strategy if count > options.labels[0] else "first"  # the first model is common to all
        folder = options.folder / f"seed{seed}" / f"{name}_{count:04d}"
        if count > len(known):
            chosen = folder / "chosen.json"
            if not chosen.exists():
                more = ask(strategy, seed, known, count, data, before, options)
                write_json(chosen, more)
            known += json.loads(chosen.read_text(encoding="utf-8"))
        found.append(point(folder, seed, known, data, options))
        logger.info("seed %d, %s, %d labels: test Dice %.4f", seed, strategy, count, found[-1].mean())
        before = folder
    return torch.stack(found)


def point(folder: Path, seed: int, known: list[int], data: dict[str, Any], options: argparse.Namespace) -> torch.Tensor:
    """Train on the revealed masks and score the model on every test image."""
    if not (folder / "metrics.json").exists():
        for names in (["train"], ["train", "evaluate"]):
            workflow(folder, names, seed, known, data, options).run()
    with open(folder / "per_case.csv", newline="", encoding="utf-8") as file:
        rows = [row["dice"] for row in csv.DictReader(file) if row["model"] == "model"]
    return torch.tensor([float(dice) if dice else 1.0 for dice in rows])  # no score: mask and prediction are both empty


def workflow(
    folder: Path,
    names: list[str],
    seed: int,
    known: list[int],
    data: dict[str, Any],
    options: argparse.Namespace,
) -> ConfigWorkflow:
    """The segmentation bundle with a UNet, on the revealed masks."""
    training = data["training"]
    hidden = [{"image": item["image"]} for index, item in enumerate(training) if index not in set(known)]
    small = [CONFIGS / "networks" / "unet.yaml", CONFIGS / "profiles" / "segmentation_cpu.yaml"]
    made = ConfigWorkflow(
        config_file=[*(str(BUNDLE / f"{name}.yaml") for name in names), *map(str, small)],
        meta_file=str(BUNDLE / "metadata.json"),
        logging_file=False,
        workflow_type="train",
        bundle_root=str(BUNDLE.parent),
        datalist=data,
        parted=[[training[index] for index in known], hidden],
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
    data: dict[str, Any],
    folder: Path,
    options: argparse.Namespace,
) -> list[int]:
    """The images that a strategy asks for next."""
    rest = [index for index in range(len(data["training"])) if index not in set(known)]
    draw = random.Random(f"{seed} {strategy} {count}")
    more = draw.sample(rest, count - len(known))
    if strategy == "random":
        return more
    if strategy == "boundary":
        entropy = score(boundary_entropy, folder, seed, known, data, options)
        keys = {index: power_key(entropy[index], draw) for index in rest}
        return sorted(rest, key=lambda index: -keys[index])[: len(more)]
    explored = more[: round(EXPLORATION * len(more))]
    scores = score(flip_disagreement, folder, seed, known, data, options)
    by_score = sorted((index for index in rest if index not in set(explored)), key=lambda index: -scores[index])
    return explored + by_score[: len(more) - len(explored)]


def power_key(entropy: float, draw: random.Random) -> float:
    """Log of the score plus Gumbel noise: those with the largest keys are drawn with chances as their scores."""
    return float(torch.tensor(entropy).clamp(min=1e-12).log()) - float(torch.tensor(draw.expovariate(1.0)).log())


def score(
    of: Callable[..., torch.Tensor],
    folder: Path,
    seed: int,
    known: list[int],
    data: dict[str, Any],
    options: argparse.Namespace,
) -> dict[int, float]:
    """What ``of`` says of the folder's model and each training image, by index of the training list."""
    training = data["training"]
    parser = workflow(folder, ["train"], seed, known, data, options).parser
    network = parser.get_parsed_content("network").eval()
    network.load_state_dict(load_tensors(folder / "model.pt"))
    transform, inferer = parser.get_parsed_content("validate#preprocessing"), parser.get_parsed_content("train#inferer")
    device = next(network.parameters()).device
    scores: list[float] = []
    for start in range(0, len(training), BATCH):
        items = [transform({"image": item["image"]})["image"] for item in training[start : start + BATCH]]
        scores += of(lambda x: inferer(x, network), torch.stack(items).to(device)).tolist()
    return dict(enumerate(scores))


@torch.inference_mode()
def boundary_entropy(network: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    """Mean entropy of the pixels along the predicted mask's edge; of all pixels where the mask has no edge.

    Args:
        network: gives logits (B, 1, H, W).
        images: (B, C, H, W), as the network takes them.

    Returns:
        (B,) in [0, log 2].
    """
    probability = network(images).double().sigmoid().clamp(1e-12, 1 - 1e-12)
    entropy = -(probability * probability.log() + (1 - probability) * (1 - probability).log())
    mask = (probability >= 0.5).double()
    near_foreground, near_background = (functional.max_pool2d(m, EDGE, 1, EDGE // 2) for m in (mask, 1 - mask))
    edge = (near_foreground * near_background).flatten(1)
    edge = torch.where(edge.any(1, keepdim=True), edge, 1.0)
    return (entropy.flatten(1) * edge).sum(1) / edge.sum(1)


if __name__ == "__main__":
    main()

"""Kill training at random moments, start the same command again, and compare with a run that nobody killed.

    python scripts/kill_matrix.py --trials 20 --output kill_matrix.json

Each trial is a fresh folder and real commands: SIGKILL to the whole process group at a moment drawn uniformly over the
work of an uninterrupted run, then the same command until it ends. On a CPU the weights must be equal bit for bit.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import torch
import yaml

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.phantom import write_phantom

logger = logging.getLogger("kill_matrix")
REPOSITORY = Path(__file__).resolve().parents[1]
GENERATOR = {
    "image_size": 32, "batch_size": 4, "kimg": 0.16, "tick_kimg": 0.016, "num_layers": 4, "margin_size": 2,
    "channel_max": 8, "z_dim": 16, "w_dim": 16,
}  # fmt: skip
UNET = {"_target_": "UNet", "spatial_dims": 2, "in_channels": 3, "out_channels": 1, "channels": [4, 8], "strides": [2]}
SEGMENTER = {"image_size": 32, "batch_size": 4, "steps": 40, "epoch_length": 4, "network_def": UNET}
ROUNDS = {**SEGMENTER, "steps": 12, "num_rounds": 1, "num_labeled": 12, "pool": "real"}
# kind -> (bundle, configuration files, run id, settings, pattern of the files that appear as the killed work begins
# and, where there is one, of the file that ends it)
KINDS: dict[str, tuple[str, list[str], str, dict[str, Any], str, str]] = {
    "generator": ("synthesis", ["train"], "run", GENERATOR, "state/stats.jsonl", "model.pt"),
    "segmenter": ("segmentation", ["train"], "run", SEGMENTER, "tensorboard/*", "state/train/*040.pt"),
    "round": ("segmentation", ["train", "rounds"], "rounds", ROUNDS, "pseudo_labels/round_00", "model.pt"),
    "labelling": (
        "segmentation", ["train", "rounds"], "rounds", {**ROUNDS, "batch_size": 1},
        "pseudo_labels/round_00.partial", "pseudo_labels/round_00",
    ),
    "control": (
        "segmentation", ["train", "rounds"], "oracle", {**SEGMENTER, "num_labeled": 12},
        "tensorboard/*", "state/train/*040.pt",
    ),
}  # fmt: skip
PIPELINE = [
    "prepare.num_images=[28,12]", "synthesis.images=16",
    "synthesis.config={kimg: 0.096, tick_kimg: 0.016, channel_max: 8}",
    "segmentation.unet.config={steps: 12, epoch_length: 4, num_rounds: 1, pool: both}",
]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the kinds named on the command line and return what is written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--only", nargs="+", choices=[*KINDS, "pipeline"], default=[*KINDS, "pipeline"])
    parser.add_argument("--trials", type=int, default=20, help="kills of every kind (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments (default 0)")
    parser.add_argument("--keep", type=Path, help="folder for the runs, kept; default: a temporary one")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    record: dict[str, Any] = {"torch": torch.__version__, "seed": options.seed, "kinds": {}}
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.keep or Path(temporary)).absolute()
        for kind in options.only:
            record["kinds"][kind] = try_kind(kind, folder / kind, options.trials, options.seed)
    logger.info("%-10s %7s %7s %9s %6s", "kind", "kills", "midway", "finished", "equal")
    for kind, trials in record["kinds"].items():
        counts = [sum(trial[key] for trial in trials) for key in ("midway", "finished", "equal")]
        logger.info("%-10s %7d %7d %9d %6d", kind, len(trials), *counts)
    if options.output:
        write_json(options.output, record)
    return record


def try_kind(kind: str, folder: Path, trials: int, seed: int) -> list[dict[str, Any]]:
    """Kill a kind of run ``trials`` times, each in a folder of its own.

    Returns:
        For each trial: seconds after the work began, whether the kill came before its end (``midway``), the exit
        status of the same command afterwards (``finished``: 0) and whether all weights are ``equal``.
    """
    command, begins, ends = _pipeline(folder) if kind == "pipeline" else _bundle(kind, folder)
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / "whole"
    duration = _start(command(whole), whole, begins, ends)
    draw = random.Random(f"{seed} {kind}")
    results = []
    for trial in range(trials):
        parts, moment = folder / f"trial{trial:02d}", draw.uniform(0, duration)
        killed = _start(command(parts), parts, begins, ends, moment)
        again = subprocess.run(command(parts), capture_output=True, text=True, check=False)
        result = {
            "seconds": round(moment, 3),
            "midway": killed < 0,
            "finished": again.returncode == 0,
            "equal": again.returncode == 0 and equal_weights(whole, parts),
        }
        logger.info("%s %d of %d: %s", kind, trial + 1, trials, result)
        if again.returncode:
            logger.info("%s", (again.stdout + again.stderr)[-3000:])
        results.append(result)
    return results


def equal_weights(one: Path, other: Path) -> bool:
    """Whether two runs hold the same models, by every tensor's bits."""
    names = [[str(path.relative_to(folder)) for path in sorted(folder.rglob("[!.]*.pt")) if "state" not in path.parts]
             for folder in (one, other)]  # fmt: skip
    if names[0] != names[1] or not names[0]:
        return False
    return all(_same(*(torch.load(folder / name, weights_only=True) for folder in (one, other))) for name in names[0])


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else bool(one == other)


def _bundle(kind: str, folder: Path) -> tuple[Callable[[Path], list[str]], str, str]:
    bundle, names, run_id, settings, begins, ends = KINDS[kind]
    configs = REPOSITORY / "bundles" / f"ssgnet_{bundle}" / "configs"
    data = folder / "data"
    if not data.exists():
        write_phantom(data, num_images=(112, 48), size=32, seed=0)

    def command(output: Path) -> list[str]:
        output.mkdir(parents=True, exist_ok=True)
        paths = {"dataset_dir": str(data), "output_dir": str(output), "ckpt_dir": str(output), "device": "cpu"}
        override = output / "config.yaml"
        override.write_text(yaml.safe_dump({**settings, **paths}), encoding="utf-8")
        files = [*(str(configs / f"{name}.yaml") for name in names), str(override)]
        words = [sys.executable, "-m", "monai.bundle", "run", run_id, "--config_file", json.dumps(files)]
        return [*words, "--logging_file", str(configs / "logging.conf")]

    return command, begins, ends


def _pipeline(folder: Path) -> tuple[Callable[[Path], list[str]], str, str]:
    experiment = str(REPOSITORY / "configs" / "experiments" / "demo.yaml")

    def command(output: Path) -> list[str]:
        return [sys.executable, "-m", "ssgnet_monai.cli", "run", experiment, *PIPELINE, f"output_dir={output}"]

    return command, "generators/*/state/stats.jsonl", "report.html"


def _start(words: list[str], folder: Path, begins: str, ends: str, moment: float | None = None) -> float:
    """Run a command; with ``moment``, kill it so many seconds after its work began.

    Returns:
        Seconds of the work; -1 where it was killed before the work's end.
    """
    log = folder.with_name(folder.name + ".log")
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    began = ended = None
    while ended is None:
        running = process.poll() is None
        if began is None and any(folder.glob(begins)):
            began = time.monotonic()
        if began is not None and any(folder.glob(ends)):
            ended = time.monotonic()
        elif began is not None and moment is not None and time.monotonic() - began >= moment:
            _kill(process)
            return -1.0
        elif not running:
            tail = log.read_text(encoding="utf-8")[-3000:]
            raise RuntimeError(f"Expected {ends} of {folder}, the run ended with {process.returncode}:\n{tail}")
        time.sleep(0.005)
    if moment is None:
        process.wait()
    else:  # the work was faster this time: the kill comes at its end
        _kill(process)
    return ended - (began or ended)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the process and all it has started, as when a machine goes down."""
    victims = [*psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    for victim in victims:
        if victim.is_running():
            victim.kill()
    process.wait()
    psutil.wait_procs(victims, timeout=30)


if __name__ == "__main__":
    main()

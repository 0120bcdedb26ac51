"""The checkpoints that a run has left to be scored, and which of them counts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from monai.engines import SupervisedEvaluator

from ssgnet_monai.data.atomic_write import sha256_file
from ssgnet_monai.engines.ensemble_inferer import EnsembleInferer
from ssgnet_monai.engines.weights import load_weights

MODEL, ENSEMBLE = "model", "ensemble"
"""Of a run without rounds: the network that counts, and the mean of several."""


@dataclass(frozen=True)
class Checkpoint:
    """Networks that answer together, and the weights of each."""

    networks: Sequence[torch.nn.Module]
    paths: Sequence[Path]

    def load(self) -> None:
        """Give the networks their weights; see ``load_weights`` for what is refused."""
        for network, path in zip(self.networks, self.paths, strict=True):
            load_weights(network, path)

    @contextmanager
    def answering(self, evaluator: SupervisedEvaluator) -> Iterator[SupervisedEvaluator]:
        """The evaluator with these networks and weights, for as long."""
        self.load()
        network, inferer = evaluator.network, evaluator.inferer
        evaluator.network = self.networks[0]
        if len(self.networks) > 1:
            evaluator.network, evaluator.inferer = torch.nn.ModuleList(self.networks), EnsembleInferer(inferer)
        try:
            yield evaluator
        finally:
            evaluator.network, evaluator.inferer = network, inferer


def run_checkpoints(
    output_dir: Path, model_path: Path, network: torch.nn.Module, partners: Mapping[str, torch.nn.Module]
) -> tuple[dict[str, Checkpoint], dict[str, str]]:
    """The checkpoints of a run by name.

    After rounds these are the models of ``rounds.json``, such as ``pseudo_label/round_02``; else "model", the partners,
    and, where there are partners, "ensemble".

    Args:
        output_dir: folder of the run.
        model_path: its final model.
        network: of the model and of the rounds.
        partners: networks that were trained beside it, by the name of their weights.

    Returns:
        The checkpoints, and the names of those that are "chosen" and, after rounds, "control".

    Raises:
        FileNotFoundError: weights are missing.
        ValueError: rounds that are not finished, or weights that are not the recorded ones or not the network's.
    """
    rounds = output_dir / "rounds.json"
    if not rounds.exists():
        checkpoints = {MODEL: Checkpoint([network], [model_path])}
        for name, partner in partners.items():
            checkpoints[name] = Checkpoint([partner], [model_path.with_name(f"{name}.pt")])
        for checkpoint in checkpoints.values():
            checkpoint.load()  # a missing model is told before test images are read
        if partners:
            every = [(one.networks[0], one.paths[0]) for one in checkpoints.values()]
            checkpoints[ENSEMBLE] = Checkpoint(*zip(*every, strict=True))
        return checkpoints, {"chosen": MODEL}
    log = json.loads(rounds.read_text(encoding="utf-8"))
    if "choice" not in log:
        raise ValueError(f"Expected finished rounds in {rounds}, found no choice yet. Run `rounds` to its end first.")
    checkpoints = {}
    for arm, records in log["arms"].items():
        for record in records:
            if arm == "real_only" and record["round"] == 0:
                continue  # the baseline, listed as round 0 of the other arm
            path = output_dir / record["model"]
            if sha256_file(path) != record["sha256"]:
                raise ValueError(
                    f"Expected {path} to have SHA-256 {record['sha256'][:12]} as recorded before the test, it has "
                    "another. Models must not change between choice and test: run `rounds` again."
                )
            checkpoints[f"{arm}/round_{record['round']:02d}"] = Checkpoint([network], [path])
    chosen = {"chosen": log["choice"], "control": log.get("control_choice")}
    return checkpoints, {part: _name(choice) for part, choice in chosen.items() if choice is not None}


def _name(choice: dict[str, Any]) -> str:
    arm = "pseudo_label" if choice["round"] == 0 else choice["arm"]
    return f"{arm}/round_{choice['round']:02d}"

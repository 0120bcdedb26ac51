"""Test scores of trained checkpoints: read once, after the choice by validation is written down."""

from __future__ import annotations

import csv
import json
import logging
import time
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from monai.data import Dataset
from monai.engines import SupervisedEvaluator
from PIL import Image
from torch.utils.data import DataLoader

from ssgnet_monai.data.atomic_write import atomic_path, sha256_file, write_json
from ssgnet_monai.data.cases import case_names, group_names
from ssgnet_monai.data.image_grid import write_image
from ssgnet_monai.engines.weights import load_weights
from ssgnet_monai.metrics import (
    confusion_counts,
    count_empty_images,
    fit_otsu,
    paired_bootstrap,
    sum_by_case,
    summarise_counts,
)

logger = logging.getLogger(__name__)
OTSU_BATCHES = 32
"""Batches of training images that choose Otsu's channel and polarity: a choice out of six needs no more."""


class CheckpointEvaluation:
    """Scores every round's model, the real-only control, Otsu's threshold and the all-foreground answer.

    Scores are those of cases: a picture is one, and so is a volume, whose slices are put together again. "n" counts
    cases, "n_images" pictures and slices (``per_image.csv`` has a row of each), "n_groups" what the bootstrap draws.
    "per_image" holds means over cases; a case whose mask and prediction are both empty scores 1.

    After ``rounds`` the checkpoints are those of ``rounds.json``; after plain training the one model.

    Args:
        evaluator: MONAI evaluator over the test images, its key metric a ``PooledConfusionMetric``.
        network: the evaluator's network.
        dataset: the evaluator's dataset.
        output_dir: folder of the run; receives ``metrics.json``, ``per_image.csv`` and ``examples/``.
        model_path: the final model, used where there were no rounds.
        test_loader: the same test images in the same order, (B, C, H, W) in [0, 1], with labels.
        training_loader: training images with labels, which choose Otsu's channel and polarity.
        split: name of the evaluated section, for the record.
        seed: seed of the run and of the bootstrap.
        examples: how many images to draw for the report.
        config_sha256: hash of the run's settings, for the record.
        threshold: probability from which a pixel of the pictures is foreground, as the evaluator has it.
    """

    def __init__(
        self,
        evaluator: SupervisedEvaluator,
        network: torch.nn.Module,
        dataset: Dataset,
        output_dir: str | Path,
        model_path: str | Path,
        test_loader: DataLoader,
        training_loader: DataLoader,
        split: str = "test",
        seed: int = 0,
        examples: int = 6,
        config_sha256: str | None = None,
        threshold: float = 0.5,
    ) -> None:
        self.evaluator, self.network, self.dataset = evaluator, network, dataset
        self.threshold = threshold
        self.output_dir, self.model_path = Path(output_dir), Path(model_path)
        self.test_loader, self.training_loader = test_loader, training_loader
        self.split, self.seed, self.examples, self.config_sha256 = split, seed, examples, config_sha256

    def run(self) -> None:
        """Write ``metrics.json``, ``per_image.csv`` and the example pictures.

        Raises:
            FileNotFoundError: a model is missing.
            ValueError: the rounds are not finished, or a model is not the one that was recorded.
        """
        began = time.perf_counter()
        checkpoints, choice = self._checkpoints()
        counts = {name: self._counts(path) for name, path in checkpoints.items()}
        references = self._reference_counts()
        self._write_csv({**counts, **references})
        items = self.dataset.data
        cases, n_images = case_names(items), len(items)
        counts, references = (
            {name: sum_by_case(value, cases) for name, value in part.items()} for part in (counts, references)
        )
        first = [cases.index(case) for case in dict.fromkeys(cases)]
        groups = group_names([items[i] for i in first])
        record: dict[str, Any] = {
            "stage": "segmentation",
            "split": self.split,
            "n": len(groups),
            "n_images": n_images,
            "n_groups": len(set(groups)),
            "n_empty": count_empty_images(references["otsu"]),
            "seed": self.seed,
            "config_sha256": self.config_sha256,
            "checkpoints": {name: summarise_counts(value) for name, value in counts.items()},
            "references": {name: summarise_counts(value) for name, value in references.items()},
            **choice,
        }
        if "control" in choice:
            record["paired_bootstrap"] = paired_bootstrap(
                counts[choice["chosen"]], counts[choice["control"]], seed=self.seed, groups=groups
            )
        self._draw(checkpoints, choice)
        record["seconds"] = time.perf_counter() - began
        write_json(self.output_dir / "metrics.json", record)
        for name, scores in record["checkpoints"].items():
            logger.info("%s %s: pooled Dice %.4f", self.split, name, scores["pooled"]["dice"])

    def _checkpoints(self) -> tuple[dict[str, Path], dict[str, str]]:
        rounds = self.output_dir / "rounds.json"
        if not rounds.exists():
            return {"model": self.model_path}, {"chosen": "model"}
        log = json.loads(rounds.read_text(encoding="utf-8"))
        if "choice" not in log:
            raise ValueError(
                f"Expected finished rounds in {rounds}, found no choice yet. Run `rounds` to its end first."
            )
        paths = {}
        for arm, records in log["arms"].items():
            for record in records:
                if arm == "real_only" and record["round"] == 0:
                    continue  # the baseline, listed as round 0 of the other arm
                path = self.output_dir / record["model"]
                if sha256_file(path) != record["sha256"]:
                    raise ValueError(
                        f"Expected {path} to have SHA-256 {record['sha256'][:12]} as recorded before the test, it has "
                        "another. Models must not change between choice and test: run `rounds` again."
                    )
                paths[f"{arm}/round_{record['round']:02d}"] = path
        return paths, {"chosen": _name(log["choice"]), "control": _name(log["control_choice"])}

    def _counts(self, path: Path) -> torch.Tensor:
        load_weights(self.network, path)
        self.evaluator.run()
        return self.evaluator.state.metric_details[self.evaluator.state.key_metric_name].cpu()

    def _reference_counts(self) -> dict[str, torch.Tensor]:
        training = list(islice(self.training_loader, OTSU_BATCHES))
        otsu = fit_otsu(torch.cat([b["image"] for b in training]), torch.cat([b["label"] for b in training]))
        found, all_foreground = [], []
        for batch in self.test_loader:
            found.append(confusion_counts(otsu.predict(batch["image"]), batch["label"]))
            all_foreground.append(confusion_counts(torch.ones_like(batch["label"]), batch["label"]))
        return {"otsu": torch.cat(found), "all_foreground": torch.cat(all_foreground)}

    def _write_csv(self, counts: dict[str, torch.Tensor]) -> None:
        with atomic_path(self.output_dir / "per_image.csv") as temporary, open(temporary, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["image", "model", "tp", "tn", "fp", "fn"])
            for name, rows in counts.items():
                for item, row in zip(self.dataset.data, rows.long().tolist(), strict=True):
                    writer.writerow([Path(item["image"]).name, name, *row])

    @torch.inference_mode()
    def _draw(self, checkpoints: dict[str, Path], choice: dict[str, str]) -> None:
        n = len(self.dataset)
        chosen = torch.linspace(0, n - 1, min(self.examples, n)).round().long().tolist()
        folder = self.output_dir / "examples"
        batch = torch.stack([torch.as_tensor(self.dataset[i]["image"]) for i in chosen])
        wanted = {"baseline": "pseudo_label/round_00", "control": choice.get("control"), "final": choice["chosen"]}
        for k, i in enumerate(chosen):
            raw = self.test_loader.dataset[i]
            write_image(folder / f"{k}_image.png", raw["image"])
            _write_mask(folder / f"{k}_truth.png", raw["label"])
        for part, name in wanted.items():
            if name not in checkpoints:
                continue
            load_weights(self.network, checkpoints[name])
            self.network.eval()
            device = next(self.network.parameters()).device
            logits = self.evaluator.inferer(batch.to(device), self.network).cpu()
            for k, mask in enumerate(logits.sigmoid() >= self.threshold):
                _write_mask(folder / f"{k}_{part}.png", mask)


def _name(choice: dict[str, Any]) -> str:
    arm = "pseudo_label" if choice["round"] == 0 else choice["arm"]
    return f"{arm}/round_{choice['round']:02d}"


def _write_mask(path: Path, mask: torch.Tensor) -> None:
    with atomic_path(path) as temporary:
        Image.fromarray(mask[0].to(torch.uint8).mul(255).numpy()).save(temporary, format="PNG")

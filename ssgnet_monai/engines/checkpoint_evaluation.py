"""Test scores of trained checkpoints: read once, after the choice by validation is written down."""

from __future__ import annotations

import csv
import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from ignite.engine import Events
from monai.data import Dataset
from monai.engines import SupervisedEvaluator
from torch.utils.data import DataLoader

from ssgnet_monai.data.atomic_write import atomic_path, write_json
from ssgnet_monai.data.cases import case_names, group_names
from ssgnet_monai.data.image_files import is_volume
from ssgnet_monai.engines.case_measurement import CaseMeasurement
from ssgnet_monai.engines.example_pictures import Example, choose_examples, draw_examples, write_mask
from ssgnet_monai.engines.reference_answers import reference_answers
from ssgnet_monai.engines.run_checkpoints import Checkpoint, run_checkpoints
from ssgnet_monai.handlers.publish_model import TRAINING
from ssgnet_monai.metrics import (
    DISTANCES,
    case_scores,
    class_ratios,
    paired_bootstrap,
    sum_by_case,
    summarise_counts,
    summarise_distances,
)

logger = logging.getLogger(__name__)
COLUMNS = ("case", "model", "class", "tp", "tn", "fp", "fn", "dice", "iou", *DISTANCES)
"""Of ``per_case.csv``."""


class CheckpointEvaluation:
    """Scores every model of a run, the real-only control of rounds, and answers that need no network.

    Scores are those of cases: a picture is one, and so is a volume, whose slices are put together again. "n" counts
    cases, "n_images" pictures, slices and volumes, "n_groups" what the bootstrap draws. ``per_case.csv`` has a row for
    each case, model and foreground class. Of more than two classes all scores are means over the foreground classes,
    with those of each class beside them; see ``ssgnet_monai.metrics.segmentation_scores`` for classes that are absent.
    Distances are measured on the network's grid: in voxels, and in mm where the spacing is known.

    After ``rounds`` the checkpoints are those of ``rounds.json``; after plain training the one model. A training of
    several networks has one for each, and "ensemble", the mean of their probabilities; see ``run_checkpoints``.

    Args:
        evaluator: MONAI evaluator over the test images, its key metric a ``PooledConfusionMetric``, its predictions
            class numbers (B, 1, ...).
        network: the evaluator's network.
        dataset: the evaluator's dataset.
        label_names: of the K classes, background first.
        output_dir: folder of the run; receives ``metrics.json``, ``per_case.csv`` and ``examples/``.
        model_path: the final model, used where there were no rounds.
        test_loader: the same test images in the same order, (B, C, ...) in [0, 1], with labels.
        training_loader: training images with labels, from which answers without a network are made.
        split: name of the evaluated section, for the record.
        seed: seed of the run and of the bootstrap.
        examples: how many cases to draw for the report.
        config_sha256: hash of the run's settings, for the record.
        partners: further networks that were trained together with the model's, by the name of their weights: those of
            ``partner`` are ``partner.pt`` beside the model.
    """

    def __init__(
        self,
        evaluator: SupervisedEvaluator,
        network: torch.nn.Module,
        dataset: Dataset,
        label_names: Sequence[str],
        output_dir: str | Path,
        model_path: str | Path,
        test_loader: DataLoader,
        training_loader: DataLoader,
        split: str = "test",
        seed: int = 0,
        examples: int = 6,
        config_sha256: str | None = None,
        partners: Mapping[str, torch.nn.Module] | None = None,
    ) -> None:
        self.evaluator, self.network, self.dataset = evaluator, network, dataset
        self.label_names = list(label_names)
        self.output_dir, self.model_path = Path(output_dir), Path(model_path)
        self.test_loader, self.training_loader = test_loader, training_loader
        self.split, self.seed, self.examples, self.config_sha256 = split, seed, examples, config_sha256
        self.partners = dict(partners or {})

    def run(self) -> None:
        """Write ``metrics.json``, ``per_case.csv`` and the example pictures.

        Raises:
            FileNotFoundError: a model is missing.
            ValueError: the rounds are not finished, or a model is not the one that was recorded.
        """
        began = time.perf_counter()
        checkpoints, choice = run_checkpoints(self.output_dir, self.model_path, self.network, self.partners)
        items, training = self.dataset.data, cast(Dataset, self.training_loader.dataset)
        cases = case_names(items)
        answers = reference_answers(self.training_loader, self.test_loader, len(self.label_names))
        drawn = draw_examples(
            self.output_dir / "examples",
            items,
            choose_examples(items, answers.truth, self.examples),
            self.test_loader.dataset,
        )
        counts, distances = self._score_all(checkpoints, choice, cases, drawn)
        references = {name: sum_by_case(value, cases) for name, value in answers.counts.items()}
        self._write_csv(list(dict.fromkeys(cases)), {**counts, **references}, distances)
        first = [cases.index(case) for case in dict.fromkeys(cases)]
        groups = group_names([items[i] for i in first])
        record: dict[str, Any] = {
            "stage": "segmentation",
            "split": self.split,
            "labels": self.label_names,
            "case": "volume" if any("slice" in item or is_volume(item["image"]) for item in items) else "picture",
            "n_training_masks": self._masks() or len(training.data),
            "n": len(groups),
            "n_images": len(items),
            "n_groups": len(set(groups)),
            "n_empty": int((sum_by_case(answers.truth, cases)[:, 1:].sum(1) == 0).sum()),
            "seed": self.seed,
            "config_sha256": self.config_sha256,
            "checkpoints": {name: self._summary(counts[name], distances[name]) for name in checkpoints},
            "references": {name: summarise_counts(value, self.label_names) for name, value in references.items()},
            "references_left_out": answers.left_out,
            **choice,
        }
        if "control" in choice:
            record["paired_bootstrap"] = self._compared(counts[choice["chosen"]], counts[choice["control"]], groups)
        record["seconds"] = time.perf_counter() - began
        write_json(self.output_dir / "metrics.json", record)
        for name, scores in record["checkpoints"].items():
            logger.info("%s %s: pooled Dice %s", self.split, name, scores["pooled"]["dice"])

    def _masks(self) -> int | None:
        """The masks that the training itself counted, which a control may have more of; None after rounds."""
        path = self.output_dir / "state" / "train" / TRAINING
        if not path.is_file() or (self.output_dir / "rounds.json").exists():
            return None
        masks = json.loads(path.read_text(encoding="utf-8")).get("masks") or {}
        return masks.get("training")

    def _score_all(
        self, checkpoints: dict[str, Checkpoint], choice: dict[str, str], cases: list[str], drawn: list[Example]
    ) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Counts and distances of the cases with every checkpoint; writes the masks of those that are drawn."""
        parts = {"final": choice["chosen"], "baseline": "pseudo_label/round_00", "control": choice.get("control")}
        counts, distances = {}, {}
        for name, checkpoint in checkpoints.items():
            images, measured = self._score(checkpoint, drawn)
            counts[name], distances[name] = sum_by_case(images, cases), measured.distances()
            for part in (part for part, shown in parts.items() if shown == name):
                for number, mask in measured.kept.items():
                    write_mask(self.output_dir / "examples" / f"{number}_{part}.png", mask)
        return counts, distances

    def _score(self, checkpoint: Checkpoint, drawn: list[Example]) -> tuple[torch.Tensor, CaseMeasurement]:
        measured = CaseMeasurement(self.dataset.data, len(self.label_names), drawn)
        taking = self.evaluator.add_event_handler(Events.ITERATION_COMPLETED, measured)
        with checkpoint.answering(self.evaluator), taking:
            self.evaluator.run()
        return self.evaluator.state.metric_details[self.evaluator.state.key_metric_name].cpu(), measured

    def _summary(self, counts: torch.Tensor, distances: torch.Tensor) -> dict[str, Any]:
        summary = summarise_counts(counts, self.label_names)
        summary["distances"] = summarise_distances(distances, counts[:, 1:])
        for number, scores in enumerate(summary.get("classes", {}).values()):
            scores["distances"] = summarise_distances(distances[:, [number]], counts[:, [number + 1]])
        return summary

    def _compared(self, chosen: torch.Tensor, control: torch.Tensor, groups: list[str]) -> dict[str, Any]:
        pooled = paired_bootstrap(chosen, control, seed=self.seed, groups=groups)
        per_case = paired_bootstrap(
            case_scores(chosen)["dice"], case_scores(control)["dice"], seed=self.seed, groups=groups
        )
        return {**pooled, "per_case": per_case}

    def _write_csv(self, cases: list[str], counts: dict[str, torch.Tensor], distances: dict[str, torch.Tensor]) -> None:
        with atomic_path(self.output_dir / "per_case.csv") as temporary, open(temporary, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for model, by_class in counts.items():
                ratios = class_ratios(by_class)
                none = torch.full((len(cases), len(self.label_names) - 1, len(DISTANCES)), math.nan)
                measured = torch.cat(
                    [ratios["dice"][:, 1:, None], ratios["iou"][:, 1:, None], distances.get(model, none)], dim=2
                )
                for case, pixels, scores in zip(cases, by_class[:, 1:].long().tolist(), measured.tolist(), strict=True):
                    for name, cells, values in zip(self.label_names[1:], pixels, scores, strict=True):
                        known = ["" if math.isnan(value) else value for value in values]
                        writer.writerow([Path(case).name, model, name, *cells, *known])

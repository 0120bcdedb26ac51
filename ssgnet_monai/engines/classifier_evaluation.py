"""Test scores of a trained classifier: read once, after validation has chosen the checkpoint."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from monai.engines import SupervisedEvaluator

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.cases import group_names
from ssgnet_monai.data.items_of_class import origin_counts
from ssgnet_monai.engines.class_names_file import check_class_names
from ssgnet_monai.engines.class_probabilities import read_scored_images, write_scored_images
from ssgnet_monai.engines.weights import load_weights
from ssgnet_monai.handlers.publish_model import TRAINING
from ssgnet_monai.handlers.training_session import TrainingSession
from ssgnet_monai.metrics import (
    bootstrap_intervals,
    class_scores,
    confusion_matrix,
    expected_calibration_error,
    paired_class_bootstrap,
    per_class_scores,
    predicted_classes,
)
from ssgnet_monai.metrics.class_probability_metric import split_buffer
from ssgnet_monai.metrics.classification import plain_numbers

logger = logging.getLogger(__name__)


class ClassifierEvaluation:
    """Writes ``metrics.json`` and ``per_image.csv`` of a classifier, with intervals and a reference that never learns.

    Args:
        evaluator: MONAI evaluator over the images of ``split``, its key metric a ``ClassProbabilityMetric``, its items
            those of ``class_items``.
        session: of the training run: names the model and its checkpoints, which know the steps.
        datalist: gives the class names and the training images.
        output_dir: folder of the run.
        split: name of the evaluated section, for the record.
        reference: ``per_image.csv`` of another run on the same images, to compare with; None: no comparison.
        config_sha256: hash of the run's settings, for the record.
    """

    def __init__(
        self,
        evaluator: SupervisedEvaluator,
        session: TrainingSession,
        datalist: Mapping[str, Any],
        output_dir: str | Path,
        split: str = "test",
        reference: str | Path | None = None,
        config_sha256: str | None = None,
    ) -> None:
        self.evaluator, self.session, self.datalist = evaluator, session, datalist
        self.output_dir, self.split = Path(output_dir), split
        self.reference, self.config_sha256 = reference, config_sha256

    def run(self) -> None:
        """Score the model and write both files.

        Raises:
            FileNotFoundError: the model or the reference is missing.
            ValueError: the reference is of other images or classes, or the model of other classes.
        """
        began = time.perf_counter()
        check_class_names(self.datalist["classes"], self.session.model_path)
        load_weights(self.evaluator.network, self.session.model_path)
        self.evaluator.run()
        state = self.evaluator.state
        probabilities, labels = split_buffer(state.metric_details[state.key_metric_name].cpu())
        classes, seed = list(self.datalist["classes"]), self.session.seed
        table = self.output_dir / "per_image.csv"
        loader: Any = self.evaluator.data_loader
        images = [item["image"] for item in loader.dataset.data]
        groups = group_names(loader.dataset.data)
        write_scored_images(table, images, labels, probabilities, classes)
        scores = class_scores(probabilities, labels)
        record: dict[str, Any] = {
            "stage": "classification",
            "split": self.split,
            "n": len(labels),
            "seed": seed,
            "config_sha256": self.config_sha256,
            "classes": classes,
            "train_counts": origin_counts(self.datalist["training"], classes),
            **self._training(),
            **_decisions(probabilities, labels, classes),
            **{name: plain_numbers(value)[0] for name, value in scores.items()},
            "confidence_interval": bootstrap_intervals(probabilities, labels, seed, groups=groups),
            "n_groups": len(set(groups)),
            "references": {"majority_class": self._majority(labels)},
        }
        if self.reference is not None:
            other = read_scored_images(self.reference, table)
            record["paired_bootstrap"] = paired_class_bootstrap(probabilities, other, labels, seed, groups=groups)
        record["seconds"] = time.perf_counter() - began
        write_json(self.output_dir / "metrics.json", record)
        shown = {name: record[name] for name in scores}
        logger.info("%s: %s", self.split, shown)

    def _training(self) -> dict[str, int | str | None]:
        """Steps of the training and of its chosen weights, and its list; None where its record is gone."""
        try:
            record = json.loads((self.session.state_dir / TRAINING).read_text(encoding="utf-8"))
        except FileNotFoundError:
            record = {}
        names = {"steps": "steps", "best_step": "step", "datalist_sha256": "data_sha256"}
        return {name: record.get(key) for name, key in names.items()}

    def _majority(self, labels: torch.Tensor) -> dict[str, float]:
        """Scores of the answer that is always the most frequent class of the real training images."""
        classes = self.datalist["classes"]
        counts = list(origin_counts(self.datalist["training"], classes)["real"].values())
        answer = torch.full_like(labels, counts.index(max(counts)))
        confusion = confusion_matrix(answer, labels, len(classes))
        return {
            "accuracy": (answer == labels).double().mean().item(),
            "macro_f1": per_class_scores(confusion)["f1"].mean().item(),
        }


def _decisions(probabilities: torch.Tensor, labels: torch.Tensor, classes: list[str]) -> dict[str, Any]:
    predicted = predicted_classes(probabilities)
    confusion = confusion_matrix(predicted, labels, len(classes))
    columns = {name: values.tolist() for name, values in per_class_scores(confusion).items()}
    columns["support"] = confusion.sum(1).tolist()
    confidence = probabilities.gather(1, predicted[:, None])[:, 0]
    return {
        "confusion": confusion.tolist(),
        "per_class": {name: {key: values[k] for key, values in columns.items()} for k, name in enumerate(classes)},
        "calibration": expected_calibration_error(confidence, predicted == labels),
    }

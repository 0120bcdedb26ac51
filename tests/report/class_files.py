"""Results of a made-up classifier: its scores, and the answers that they are of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from ssgnet_monai.engines.class_probabilities import write_scored_images
from ssgnet_monai.metrics import class_scores


def add_classification(
    run: Path, row: str, setting: str, seed: int, found: dict[str, int], classes: tuple[str, ...]
) -> None:
    """Two classes of 42 and 114 test images; ``found`` says how many of the 42 each setting finds, of the 114 104."""
    labels = torch.tensor([0] * 42 + [1] * 114)

    def probabilities(right: int) -> torch.Tensor:
        second = torch.tensor([0.3] * right + [0.7] * (42 - right) + [0.4] * 10 + [0.9] * 104)
        return torch.stack([1 - second, second], dim=1)

    def measures(right: int) -> dict[str, Any]:
        precision, recall = (right / (right + 10), 104 / (146 - right)), (right / 42, 104 / 114)
        f1 = [2 * p * r / (p + r) for p, r in zip(precision, recall, strict=True)]
        scores = {name: value.item() for name, value in class_scores(probabilities(right), labels).items()}
        rows = zip(classes, precision, recall, f1, (42, 114), strict=True)
        per_class = {name: {"precision": p, "recall": r, "f1": f, "support": n} for name, p, r, f, n in rows}
        return {**scores, "per_class": per_class, "confusion": [[right, 42 - right], [10, 104]]}

    own, original = measures(found[setting]), measures(found["original"])
    synthetic = {"original": (0, 0), "balanced": (4, 0), "extra_20": (5, 1)}.get(setting, (6, 2))
    names = ("accuracy", "macro_f1", "roc_auc")
    bins = [
        {"low": 0.5, "high": 0.75, "n": 40, "confidence": 0.66, "accuracy": 0.6 - seed / 10},
        {"low": 0.75, "high": 1.0, "n": 116, "confidence": 0.9, "accuracy": 0.87},
        {"low": 0.0, "high": 0.5, "n": 0, "confidence": None, "accuracy": None},
    ]
    metrics = {
        "stage": "classification", "split": "test", "n": 156, "seed": seed, "config_sha256": "face" * 16,
        "classes": list(classes), "steps": 400, "best_step": 320 + seed, "seconds": 2.5, **own,
        "train_counts": {
            "real": dict(zip(classes, (3, 3), strict=True)), "synthetic": dict(zip(classes, synthetic, strict=True))
        },
        "confidence_interval": {name: [own[name] - 0.07, own[name] + 0.06] for name in names},
        "calibration": {"ece": 0.04 + seed / 100, "bins": bins},
        "references": {"majority_class": {"accuracy": 114 / 156, "macro_f1": 0.4222}},
    }  # fmt: skip
    if setting != "original":
        metrics["paired_bootstrap"] = {
            name: {"difference": difference, "low": difference - 0.05, "high": difference + 0.05}
            for name in names
            for difference in [own[name] - original[name]]
        }
    place = run / "classification" / row / setting / f"seed{seed}"
    place.mkdir(parents=True)
    (place / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    images = [f"{number}.png" for number in range(156)]
    write_scored_images(place / "per_image.csv", images, labels, probabilities(found[setting]), classes)

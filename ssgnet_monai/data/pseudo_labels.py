"""A round of pseudo-labels on disk: masks written one by one, published as a folder by one rename."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ssgnet_monai.data.atomic_write import atomic_path, fsync_folder, write_json
from ssgnet_monai.data.image_files import is_volume
from ssgnet_monai.data.label_space import IGNORED, mask_image

logger = logging.getLogger(__name__)
FOREGROUND = 1


class PseudoLabelFolder:
    """``round_0t/`` with one PNG mask per pool image and ``manifest.json``.

    While labelling, the folder is called ``round_0t.partial`` and ``progress.jsonl`` has one line per finished mask;
    after a kill, finished masks are kept if the model is the same. Publishing renames the folder; a published round
    is never changed.

    Args:
        folder: the final folder.
        model_sha256: SHA-256 of the model that labels.
    """

    def __init__(self, folder: str | Path, model_sha256: str) -> None:
        self.folder, self.model_sha256 = Path(folder), model_sha256
        self.partial = self.folder.with_name(self.folder.name + ".partial")
        self.records: dict[str, dict[str, Any]] = {}

    @property
    def published(self) -> bool:
        """Whether the round is complete, by this model."""
        manifest = self.folder / "manifest.json"
        return manifest.exists() and read_manifest(self.folder)["model_sha256"] == self.model_sha256

    def begin(self, items: Sequence[dict[str, Any]]) -> list[int]:
        """Open the partial folder; returns the indices of ``items`` that still need a mask."""
        progress = self.partial / "progress.jsonl"
        lines = progress.read_text(encoding="utf-8").splitlines() if progress.exists() else []
        for line in lines:
            try:
                record = json.loads(line)
            except json.JSONDecodeError:  # the last line of a killed run
                break
            if record["model_sha256"] == self.model_sha256 and (self.partial / record["mask"]).exists():
                self.records[record["image"]] = record
        if not self.records:
            shutil.rmtree(self.partial, ignore_errors=True)
            self.partial.mkdir(parents=True)
        with atomic_path(progress) as temporary:
            temporary.write_text("".join(json.dumps(r) + "\n" for r in self.records.values()), encoding="utf-8")
        return [i for i, item in enumerate(items) if self._key(item) not in self.records]

    def write(self, indices: Sequence[int], items: Sequence[dict[str, Any]], labels: dict[str, torch.Tensor]) -> None:
        """Write a batch of masks and its progress lines.

        Args:
            indices: position of each sample in ``items``.
            items: the pool.
            labels: what :func:`label_probabilities` gave.
        """
        masks = labels["mask"].cpu().numpy().astype(np.uint8)[:, 0]
        confidence, foreground = labels["confidence"].tolist(), labels["foreground"].tolist()
        lines = []
        for k, i in enumerate(indices):
            name = f"mask{i:06d}.png"
            mask_image(masks[k]).save(self.partial / name)
            record = {
                "image": self._key(items[i]),
                "mask": name,
                "mean_confidence": round(confidence[k], 6),
                "foreground": round(foreground[k], 6),
                "model_sha256": self.model_sha256,
            }
            self.records[record["image"]] = record
            lines.append(json.dumps(record) + "\n")
        with open(self.partial / "progress.jsonl", "a", encoding="utf-8") as file:
            file.writelines(lines)

    def publish(self, items: Sequence[dict[str, Any]], extra: dict[str, Any]) -> None:
        """Write the manifest and rename the folder. A round left by another model is replaced."""
        records = [self.records[self._key(item)] for item in items]
        write_json(self.partial / "manifest.json", {"model_sha256": self.model_sha256, **extra, "masks": records})
        (self.partial / "progress.jsonl").unlink()
        if self.folder.exists():
            logger.warning("replacing %s: its masks are of another model", self.folder)
            shutil.rmtree(self.folder)
        os.replace(self.partial, self.folder)
        fsync_folder(self.folder.parent)

    def _key(self, item: dict[str, Any]) -> str:
        return _relative(item, self.folder)


def label_probabilities(
    probability: torch.Tensor, threshold: float = 0.5, confidence_floor: float | None = None
) -> dict[str, torch.Tensor]:
    """Turn foreground probabilities into 8-bit masks.

    Args:
        probability: (B, 1, H, W) float in [0, 1].
        threshold: probability from which a pixel is foreground.
        confidence_floor: pixels with max(p, 1 - p) below it become ``IGNORED``. None: no pixel is ignored.

    Returns:
        ``mask`` (B, 1, H, W) uint8 of 0, 1 and ``IGNORED``; ``confidence`` (B,) mean of max(p, 1 - p);
        ``foreground`` (B,) share of foreground pixels.
    """
    foreground = probability >= threshold
    confidence = torch.maximum(probability, 1 - probability)
    mask = foreground.to(torch.uint8)
    if confidence_floor is not None:
        mask[confidence < confidence_floor] = IGNORED
    return {
        "mask": mask,
        "confidence": confidence.flatten(1).mean(1),
        "foreground": foreground.flatten(1).float().mean(1),
    }


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of a published round."""
    return json.loads((Path(folder) / "manifest.json").read_text(encoding="utf-8"))


def with_pseudo_labels(items: Sequence[dict[str, Any]], folder: str | Path) -> list[dict[str, Any]]:
    """Pool items with their masks of a round as "label", marked by "pseudo_label": True.

    Raises:
        ValueError: an item has no mask in the round.
    """
    masks = {record["image"]: str(Path(folder) / record["mask"]) for record in read_manifest(folder)["masks"]}
    missing = [item["image"] for item in items if _relative(item, folder) not in masks]
    if missing:
        raise ValueError(
            f"Expected a mask for every pool image in {folder}, {len(missing)} have none, the first is {missing[0]}. "
            "The pool has changed since: move the run's folder away and start anew."
        )
    return [{**item, "label": masks[_relative(item, folder)], "pseudo_label": True} for item in items]


def label_change(before: str | Path, after: str | Path) -> float:
    """Mean share of pixels whose label differs between two rounds, over all pool images; in [0, 1]."""
    previous = {record["image"]: record["mask"] for record in read_manifest(before)["masks"]}
    changes = [
        np.mean(_read(Path(before) / previous[record["image"]]) != _read(Path(after) / record["mask"]))
        for record in read_manifest(after)["masks"]
    ]
    return float(np.mean(changes))


def label_disagreement(before: str | Path, after: str | Path) -> dict[str, float]:
    """How much the labels of two rounds disagree: 1 - Dice by pool image, the slices of a volume together.

    Args:
        before: folder of a published round.
        after: folder of a later one over the same pool, beside it.

    Returns:
        Absolute path of each image -> score in [0, 1]; 0 where both are empty. Nothing where one model labelled both
        rounds, since the last one did not raise validation: its masks tell nothing.
    """
    earlier, later = read_manifest(before), read_manifest(after)
    if earlier["model_sha256"] == later["model_sha256"]:
        return {}
    previous = {record["image"]: record["mask"] for record in earlier["masks"]}
    counts: dict[str, np.ndarray] = {}
    for record in later["masks"]:
        one = _read(Path(before) / previous[record["image"]]) == FOREGROUND
        other = _read(Path(after) / record["mask"]) == FOREGROUND
        volume, _, _ = record["image"].rpartition("#")
        path = volume if is_volume(volume) else record["image"]
        image = os.path.normpath(Path(after).parent.absolute() / path)
        found = np.array([np.count_nonzero(one & other), np.count_nonzero(one) + np.count_nonzero(other)])
        counts[image] = counts.get(image, np.zeros(2, np.int64)) + found
    return {image: float(1 - 2 * both / total) if total else 0.0 for image, (both, total) in counts.items()}


def _relative(item: dict[str, Any], folder: str | Path) -> str:
    path = Path(os.path.relpath(item["image"], Path(folder).parent)).as_posix()
    return f"{path}#{item['slice']}" if "slice" in item else path  # of a volume


def _read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)

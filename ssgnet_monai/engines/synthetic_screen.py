"""Leaves generated images out of a pool that copy a real image or are unlike all of them."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.reading import reading
from ssgnet_monai.metrics.features import load_or_train_features
from ssgnet_monai.metrics.nearest_distance import unfit_images

logger = logging.getLogger(__name__)


class SyntheticScreen:
    """Screens a pool once; ``screen.json`` keeps what was left out and why, so that a resumed run has the same pool.

    Args:
        quantiles: [low, high] of the distances between real images, see ``unfit_images``. None: all images stay.
        real: training images, with masks or without.
        transform: loads an item's "image" as (C, H, W) float in [0, 1].
        folder: of ``screen.json`` and, where features are learnt, of their network.
        device: where features are computed.
        features: "auto", "package" or "learnt", see ``load_or_train_features``.

    Raises:
        ValueError: in a call, all synthetic images are unfit and no other is in the pool.
    """

    def __init__(
        self,
        quantiles: Sequence[float] | None,
        real: Sequence[dict[str, Any]],
        transform: Callable[[dict[str, Any]], Any],
        folder: str | Path,
        device: torch.device | str = "cpu",
        features: str = "auto",
    ) -> None:
        self.quantiles, self.transform = quantiles, transform
        self.real = [item for item in real if item.get("origin", "real") == "real"]
        self.folder, self.device, self.features = Path(folder), device, features

    def __call__(self, pool: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The items that stay, in order, and what is recorded: kept and left out by reason, limits, features."""
        synthetic = [item for item in pool if item.get("origin") == "synthetic"]
        if self.quantiles is None or not synthetic:
            return list(pool), {}
        file = self.folder / "screen.json"
        if not file.exists():
            write_json(file, self._screened(synthetic))
        content = json.loads(file.read_text(encoding="utf-8"))
        unfit, record = content["left_out"], content["summary"]
        kept = [item for item in pool if item.get("origin") != "synthetic" or self._name(item) not in unfit]
        logger.info("generated images: %s", record)
        if not kept:
            raise ValueError(
                f"Expected generated images like the real ones, got none within the quantiles {list(self.quantiles)}: "
                f"{record}. Train the generators longer, widen synthetic_distances, or set it to null."
            )
        return kept, record

    def _screened(self, synthetic: Sequence[dict[str, Any]]) -> dict[str, Any]:
        assert self.quantiles is not None
        real = self._images(self.real)
        classes = [item.get("class", "all") for item in self.real]
        extractor = load_or_train_features(real, classes, self.folder, device=self.device, features=self.features)
        reasons, limits = unfit_images(extractor(real), extractor(self._images(synthetic)), self.quantiles)
        left_out = {self._name(item): why for item, why in zip(synthetic, reasons, strict=True) if why}
        counts = Counter(left_out.values())
        summary = {
            "kept": len(synthetic) - len(left_out),
            "copies": counts["copy"],
            "unlike": counts["unlike"],
            "distances": limits,
            "features": extractor.name,
        }
        return {"summary": summary, "left_out": left_out}

    def _images(self, items: Sequence[dict[str, Any]]) -> torch.Tensor:
        return torch.stack([self._load(item) for item in items])

    def _load(self, item: dict[str, Any]) -> torch.Tensor:
        with reading(item):
            image = self.transform({key: item[key] for key in ("image", "axis", "slice") if key in item})["image"]
        return (torch.as_tensor(image).clamp(0, 1) * 255).round().to(torch.uint8)

    def _name(self, item: dict[str, Any]) -> str:
        return Path(os.path.relpath(item["image"], self.folder)).as_posix()

"""How unsure a bundle's model is of each study, kept beside the bundle: a restarted server does not score again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ssgnet_monai.data.atomic_write import sha256_file, write_json

FILE = Path("output") / "disagreement.json"


class ScoreFile:
    """Scores of studies by one model; those of another model are forgotten.

    Args:
        bundle: folder of the bundle.
    """

    def __init__(self, bundle: Path) -> None:
        self.path, self._model = bundle / FILE, bundle / "models" / "model.pt"

    def read(self) -> dict[str, float]:
        """Study -> score in [0, 1]; empty where nothing is known of the present model."""
        if not self.path.exists():
            return {}
        content = json.loads(self.path.read_text(encoding="utf-8"))
        return content["scores"] if content["model_sha256"] == sha256_file(self._model) else {}

    def add(self, scores: Mapping[str, float]) -> None:
        """Keep further scores of the present model, atomically."""
        write_json(self.path, {"model_sha256": sha256_file(self._model), "scores": {**self.read(), **dict(scores)}})

"""How unsure a bundle's model is of each study, kept beside the bundle: a restarted server does not score again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ssgnet_monai.data.atomic_write import sha256_file, write_json

FILE = Path("output") / "disagreement.json"
EXPLORATION = 0.2
"""Share of the studies that are drawn at random: a model that is wrong everywhere is sure everywhere."""
BY_FLIPS, BY_ROUNDS = "flips", "rounds"
"""What scores compare: masks of an image and its flips, or the masks of the last two rounds."""


class ScoreFile:
    """Scores of studies by one model; those of another model, or of other studies, are forgotten.

    Args:
        bundle: folder of the bundle.
        studies: folder or address of the studies.
    """

    def __init__(self, bundle: Path, studies: str) -> None:
        self.path, self.studies, self._model = bundle / FILE, studies, bundle / "models" / "model.pt"

    def model(self) -> str:
        """SHA-256 of the present model."""
        return sha256_file(self._model)

    def read(self) -> tuple[str, dict[str, float]]:
        """(what the scores compare, study -> score in [0, 1]); empty where nothing is known of the present model."""
        if self.path.exists():
            content = json.loads(self.path.read_text(encoding="utf-8"))
            if (content.get("model_sha256"), content.get("studies")) == (self.model(), self.studies):
                return content["compared"], content["scores"]
        return BY_FLIPS, {}

    def write(self, compared: str, scores: Mapping[str, float], model: str) -> None:
        """Keep scores, atomically.

        Args:
            compared: ``BY_FLIPS`` or ``BY_ROUNDS``.
            scores: study -> score in [0, 1].
            model: SHA-256 of the model that gave them; nothing is kept when it has been replaced meanwhile.
        """
        if model == self.model():
            content = {"model_sha256": model, "studies": self.studies, "compared": compared, "scores": dict(scores)}
            write_json(self.path, content)

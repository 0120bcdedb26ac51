"""The strategy ``disagreement``: offer the study whose label the model is least sure of."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.strategy import Strategy
from monailabel.tasks.infer.bundle import BundleInferTask

from ssgnet_monai.engines import flip_disagreement
from ssgnet_monai.label_app.score_file import ScoreFile

logger = logging.getLogger(__name__)
EXPLORATION = 0.2
"""Share of the studies that are drawn at random: a model that is wrong everywhere is sure everywhere."""
AT_A_TIME = 50
"""Studies that one click scores at most; the others wait for the next clicks."""


class Disagreement(Strategy):
    """The unlabelled study whose pseudo-label changed most between the last two rounds; before any rounds, the one
    whose mask changes most when the image is flipped.

    Args:
        infer: the segmenter's task.
        exploration: share of studies drawn at random, in [0, 1].
    """

    def __init__(self, infer: BundleInferTask, exploration: float = EXPLORATION) -> None:
        super().__init__("The study whose label the model is least sure of")
        self.infer, self.exploration = infer, exploration
        self.scores = ScoreFile(Path(infer.bundle_path))

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any] | None:
        """The next study: its id, and its score where it was not drawn at random. None: all are labelled."""
        images = sorted(datastore.get_unlabeled_images(request.get("label_tag"), request.get("labels")))
        if not images:
            return None
        if random.random() < self.exploration:
            return {"id": random.choice(images), "disagreement": None}
        scores = self._scores(images, datastore.get_image_uri)
        best = max(scores, key=lambda image: (scores[image], image))
        return {"id": best, "disagreement": scores[best]}

    def _scores(self, images: list[str], path_of: Callable[[str], str]) -> dict[str, float]:
        known = self.scores.read()
        new: dict[str, float] = {}
        missing = [image for image in images if image not in known]
        for image in random.sample(missing, min(AT_A_TIME, len(missing))):
            try:
                new[image] = self._score(path_of(image))
            except Exception:  # one broken file must not stop the clinician's work
                logger.warning("%s cannot be scored", image, exc_info=True)
                new[image] = 0.0
        if new:
            self.scores.add(new)
        return {image: score for image, score in {**known, **new}.items() if image in set(images)}

    def _score(self, path: str) -> float:
        data: Any = {"image": path}
        for transform in self.infer.pre_transforms(data):
            data = transform(data)
        network, inferer = self.infer._get_network("cpu", None), self.infer.inferer()
        return float(flip_disagreement(lambda images: inferer(images, network), data["image"].as_tensor()[None])[0])

"""The strategy ``disagreement``: offer the study whose label the model is least sure of."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.strategy import Strategy
from monailabel.tasks.infer.bundle import BundleInferTask

from ssgnet_monai.engines import flip_disagreement
from ssgnet_monai.label_app.score_file import BY_FLIPS, BY_ROUNDS, EXPLORATION, ScoreFile

logger = logging.getLogger(__name__)
SECONDS = 4.0
"""For which one click scores studies, since the server answers nobody meanwhile; the others wait for later clicks."""
SLICES = 8
"""Of a volume, evenly spaced, that are compared by a network of slices; one of volumes compares the middle window."""


class Disagreement(Strategy):
    """The unlabelled study whose pseudo-label changed most between the last two rounds; where the rounds tell nothing,
    the one whose mask changes most when the image is flipped.

    Args:
        infer: the segmenter's task.
        studies: folder or address of the studies.
        exploration: share of studies drawn at random, in [0, 1].
    """

    def __init__(self, infer: BundleInferTask, studies: str, exploration: float = EXPLORATION) -> None:
        super().__init__("The study whose label the model is least sure of")
        self.infer, self.exploration = infer, exploration
        self.scores = ScoreFile(Path(infer.bundle_path), studies)
        self._unreadable: dict[str, int] = {}  # study -> when its file had last been changed

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
        """Scores of one kind; those of the rounds as long as they know an unlabelled study."""
        compared, known = self.scores.read()
        found = {image: known[image] for image in images if image in known}
        if compared == BY_ROUNDS and found:
            return found
        missing = [image for image in images if image not in found]
        if not missing:
            return found
        model, end = self.scores.model(), time.monotonic() + SECONDS
        failed: dict[str, float] = {}
        for image in random.sample(missing, len(missing)):
            try:
                path = path_of(image)
                changed = Path(path).stat().st_mtime_ns
                if self._unreadable.get(image) == changed:
                    failed[image] = 0.0
                    continue
                found[image] = self._score(path)
            except ValueError:  # a broken file must not stop the clinician's work, nor be tried at every click
                logger.warning("%s cannot be scored", image, exc_info=True)
                self._unreadable[image], failed[image] = changed, 0.0
            except Exception:  # such as a full GPU
                logger.warning("%s cannot be scored now", image, exc_info=True)
                failed[image] = 0.0
            if time.monotonic() > end:
                break
        if len(found) > len(images) - len(missing):
            self.scores.write(BY_FLIPS, found, model)
        return failed | found

    def _score(self, path: str) -> float:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        data: Any = {"image": path, "device": device}
        for transform in self.infer.pre_transforms(data):
            data = transform(data)
        image = data["image"].as_tensor()[None].to(device)
        network, inferer = self.infer._get_network(device, None), self.infer.inferer()
        if window := getattr(inferer, "roi_size", None):
            image = image[(..., *(_middle(length, part) for length, part in zip(image.shape[2:], window, strict=True)))]
        elif image.ndim == 5:
            image = image[..., :: -(-image.shape[-1] // SLICES)]
        return float(flip_disagreement(lambda images: inferer(images, network), image)[0])


def _middle(length: int, part: int) -> slice:
    start = max(0, (length - part) // 2)
    return slice(start, start + part)

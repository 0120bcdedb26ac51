"""How much was corrected: the Dice between what a model drew and what was saved instead."""

from __future__ import annotations

import logging
from typing import Any

import torch
from monailabel.interfaces.datastore import Datastore, DefaultLabelTag
from monailabel.interfaces.tasks.scoring import ScoringMethod

from ssgnet_monai.label_app.label_check import read_label
from ssgnet_monai.metrics.confusion import confusion_counts
from ssgnet_monai.metrics.segmentation_scores import case_scores

logger = logging.getLogger(__name__)


class ClassDice(ScoringMethod):
    """Dice of each study, the mean over the classes that either mask shows.

    Args:
        num_classes: K.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__("Dice between the mask that the model drew and the saved label")
        self.num_classes = num_classes

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, float]:
        """Study -> Dice in [0, 1], of those that have both; it is kept with the study too."""
        found = {}
        tags = request.get("y", DefaultLabelTag.FINAL), request.get("y_pred", DefaultLabelTag.ORIGINAL)
        for image in datastore.list_images():
            if all(datastore.get_label_by_image_id(image, tag) for tag in tags):
                try:
                    found[image] = self._dice(datastore, image, tags)
                except ValueError as error:
                    logger.warning("%s has no score: %s", image, error)
                    continue
                datastore.update_image_info(image, {"dice": found[image]})
        return found

    def _dice(self, datastore: Datastore, image: str, tags: tuple[Any, Any]) -> float:
        path = datastore.get_image_uri(image)
        final, original = (
            torch.from_numpy(read_label(path, datastore.get_label_uri(image, tag), self.num_classes))[None, None]
            for tag in tags
        )
        counts = confusion_counts(original, final, self.num_classes)
        return case_scores(counts)["dice"].nan_to_num(1.0).item()

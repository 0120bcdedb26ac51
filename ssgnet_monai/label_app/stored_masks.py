"""The model of a review: it answers with the pseudo-label that lies beside the image."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import itk
import numpy as np
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from PIL import Image

from ssgnet_monai.data.volumes.label_volume import is_label_volume
from ssgnet_monai.label_app.named_segments import SEGMENTS, name_segments
from ssgnet_monai.label_app.review import review_classes


class StoredMasks(InferTask):
    """Gives Slicer the pseudo-label of a synthetic image, to accept, correct or empty.

    Args:
        studies: folder of the review's studies.
    """

    def __init__(self, studies: Path) -> None:
        classes = review_classes(studies)
        segments = {name: number for number, name in enumerate(classes) if number}
        super().__init__(InferType.SEGMENTATION, segments, 2, "Pseudo-labels of the round under review", {})
        self.masks = studies / "labels" / "original"

    def is_valid(self) -> bool:
        """A review has masks."""
        return self.masks.is_dir()

    def __call__(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The mask of class numbers, a file of the asked format that the server removes once it was sent; labels."""
        with Image.open(self.masks / f"{Path(request['image']).stem}.png") as mask:
            values = np.array(mask)
        suffix = request.get("result_extension") or ".png"
        if is_label_volume(suffix):
            values = values[None]
        with tempfile.NamedTemporaryFile(suffix=suffix, delete=False) as copy:
            itk.imwrite(itk.image_from_array(values), copy.name)
        if suffix == SEGMENTS:
            name_segments(copy.name, self.labels)
        return copy.name, {"label_names": self.labels}

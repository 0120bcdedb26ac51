"""The model of a review: it answers with the pseudo-label that lies beside the image."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType


class StoredMasks(InferTask):
    """Gives Slicer the pseudo-label of a synthetic image, to accept, correct or empty.

    Args:
        studies: folder of the review's studies.
    """

    def __init__(self, studies: Path) -> None:
        super().__init__(InferType.SEGMENTATION, {"lesion": 1}, 2, "Pseudo-labels of the round under review", {})
        self.masks = studies / "labels" / "original"

    def is_valid(self) -> bool:
        """A review has masks."""
        return self.masks.is_dir()

    def __call__(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """A copy of the mask, which the server removes after it was sent; and its label's name."""
        with tempfile.NamedTemporaryFile(suffix=".png", delete=False) as copy:
            shutil.copyfile(self.masks / f"{Path(request['image']).stem}.png", copy.name)
        return copy.name, {"label_names": self.labels}

"""Predicted masks as ``.seg.nrrd``, with the names of their segments, by which they are known when they come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nrrd
from monailabel.tasks.infer.bundle import BundleInferTask

SEGMENTS = ".seg.nrrd"


class NamedSegments(BundleInferTask):
    """MONAI Label's prediction of a bundle, whose writer leaves out the names of segments in one layer."""

    def writer(self, data: dict[str, Any], extension: Any = None, dtype: Any = None) -> tuple[Any, Any]:
        """Write a mask; see ``BasicInferTask``."""
        file, result = super().writer(data, extension, dtype)
        if isinstance(file, str) and file.endswith(SEGMENTS) and data[self.output_label_key].ndim == 3:
            name_segments(file, self.labels)
        return file, result


def name_segments(file: str, labels: Mapping[str, int]) -> None:
    """Name the segments of a mask, as 3D Slicer reads them.

    Args:
        file: ``.seg.nrrd``, changed.
        labels: name -> mask value.
    """
    values, header = nrrd.read(file)
    for place, (name, number) in enumerate(labels.items()):
        fields = {"ID": name, "Name": name, "LabelValue": str(number), "Layer": "0"}
        header |= {f"Segment{place}_{field}": value for field, value in fields.items()}
    nrrd.write(file, values, header)

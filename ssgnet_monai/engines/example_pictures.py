"""Pictures of test images and masks for the report: one of each chosen case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ssgnet_monai.data.atomic_write import atomic_path
from ssgnet_monai.data.cases import case_names, case_spacing
from ssgnet_monai.data.image_grid import write_image
from ssgnet_monai.data.label_space import IGNORED, mask_image
from ssgnet_monai.data.volumes.view import slice_axis, slice_view


@dataclass(frozen=True)
class Example:
    """One picture of a case.

    Args:
        index: of its image among the test images.
        affine: of a whole volume on the network's grid, which is cut along ``slice_axis``; None: it is a picture.
        place: which slice of a whole volume.
    """

    index: int
    affine: np.ndarray | None = None
    place: int = 0

    def cut(self, values: np.ndarray) -> np.ndarray:
        """The picture (H, W) of a picture (H, W) or of a volume (X, Y, Z), upright."""
        return values if self.affine is None else _upright(values, self.affine)[self.place]


def choose_examples(items: Sequence[Mapping[str, Any]], truth: torch.Tensor, most: int) -> list[int]:
    """Images to draw: of cases evenly spaced through the list, of a volume's slices that with the most foreground.

    Args:
        items: the test images.
        truth: (n, K) pixels of every class in their masks.
        most: number of cases.

    Returns:
        Indices of items.
    """
    cases: dict[str, list[int]] = {}
    for index, case in enumerate(case_names(items)):
        cases.setdefault(case, []).append(index)
    found = list(cases.values())
    chosen = torch.linspace(0, len(found) - 1, min(most, len(found))).round().long().tolist()
    foreground = truth[:, 1:].sum(1).tolist()
    return [max(found[case], key=lambda index: foreground[index]) for case in chosen]


def draw_examples(
    folder: Path, items: Sequence[Mapping[str, Any]], indices: Sequence[int], images: Any
) -> list[Example]:
    """Write ``<k>_image.png`` and ``<k>_truth.png``.

    Args:
        folder: where to.
        items: the test images.
        indices: which of them.
        images: index -> "image" (C, ...) in [0, 1] and "label" (1, ...).

    Returns:
        What was drawn of each, for the masks of models.
    """
    examples = []
    for number, index in enumerate(indices):
        raw = images[index]
        image, label = (torch.as_tensor(raw[key]).cpu().numpy() for key in ("image", "label"))
        example = Example(index)
        if label.ndim == 4:
            affine = np.diag([*(case_spacing(items[index], label.shape[1:]) or (1, 1, 1)), 1.0])
            known = _upright(label[0], affine)
            foreground = ((known > 0) & (known != IGNORED)).sum((1, 2))
            example = Example(index, affine, int(foreground.argmax()))
        planes = np.stack([example.cut(channel) for channel in image])
        if planes.min() < 0 or planes.max() > 1:  # voxel values as stored
            low, high = np.percentile(planes, (1, 99))
            planes = (planes - low) / max(high - low, 1e-6)
        write_image(folder / f"{number}_image.png", torch.from_numpy(planes))
        write_mask(folder / f"{number}_truth.png", example.cut(label[0]))
        examples.append(example)
    return examples


def write_mask(path: Path, classes: np.ndarray) -> None:
    """Write class numbers (H, W) as a palette picture."""
    with atomic_path(path) as temporary:
        mask_image(classes).save(temporary, format="PNG")


def _upright(values: np.ndarray, affine: np.ndarray) -> np.ndarray:
    return slice_view(values, affine, slice_axis(affine))

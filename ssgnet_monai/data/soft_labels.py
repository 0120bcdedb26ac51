"""Soft labels: the probability of each class but the background, on disk in 254ths, with 255 where it is not known."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ssgnet_monai.data.label_space import IGNORED

PARTS = IGNORED - 1
SUFFIX = ".npz"


def soft_planes(probabilities: torch.Tensor, ignored: torch.Tensor) -> torch.Tensor:
    """Probabilities as they are stored.

    The sums over the first, the first two, ... classes are rounded, so that no pixel's planes sum to more than one.

    Args:
        probabilities: (B, K, ...) float, in [0, 1].
        ignored: (B, 1, ...) bool, pixels that are not known.

    Returns:
        (B, K - 1, ...) uint8: 254ths of the classes 1 to K - 1, and ``IGNORED``.
    """
    sums = (probabilities[:, 1:].double().cumsum(1).clamp(0, 1) * PARTS).round()
    planes = sums.diff(dim=1, prepend=torch.zeros_like(sums[:, :1])).to(torch.uint8)
    return planes.masked_fill(ignored, IGNORED)


def write_soft_label(path: str | Path, planes: np.ndarray) -> None:
    """Write planes (K - 1, ...) uint8 of :func:`soft_planes`; the same planes give the same bytes."""
    np.savez_compressed(path, planes=planes)


def is_soft_label(path: Any) -> bool:
    """Whether a label's path is that of a soft label."""
    return str(path).endswith(SUFFIX)


def read_soft_label(path: str | Path, num_classes: int) -> np.ndarray:
    """Read planes (K - 1, ...) uint8, as they were written.

    Args:
        path: a file of :func:`write_soft_label`.
        num_classes: K.

    Raises:
        ValueError: the file is damaged, or of another number of classes.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            planes = content["planes"]
    except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(
            f"Expected a soft label with 'planes' in {path}, got {type(error).__name__} ({error}). Remove the round's "
            "folder and run the same command again."
        ) from error
    if planes.dtype != np.uint8 or len(planes) != num_classes - 1:
        raise ValueError(
            f"Expected {num_classes - 1} planes of uint8 for {num_classes} classes, got {planes.dtype} of shape "
            f"{planes.shape} in {path}. Label the pool again with the data's classes."
        )
    return planes


def to_unit(planes: np.ndarray, dtype: type[np.floating] = np.float32) -> np.ndarray:
    """Probabilities in [0, 1], and ``IGNORED``, of stored planes; float16 is exact to half a 254th too."""
    return np.where(planes == IGNORED, np.float32(IGNORED), planes / np.float32(PARTS)).astype(dtype)


def class_planes(label: torch.Tensor, num_classes: int) -> torch.Tensor:
    """The label that soft ones can stand beside in a batch.

    Args:
        label: class numbers (1, ...), or planes (K - 1, ...), which stay as they are.
        num_classes: K.

    Returns:
        (K - 1, ...) of the same type: 1 in the plane of the pixel's class, ``IGNORED`` in all planes where it is not
        known. Of two classes this is the mask itself.
    """
    if num_classes == 2 or len(label) > 1:
        return label
    numbers = torch.arange(1, num_classes, device=label.device).view(-1, *[1] * (label.ndim - 1))
    return torch.where(label == IGNORED, label, (label == numbers).to(label.dtype))

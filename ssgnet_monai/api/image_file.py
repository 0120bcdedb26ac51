"""An image that is in memory as the file that the loaders read, so that both are seen by a network in the same way."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ssgnet_monai.data.volumes.nifti_file import write_nifti

COLOURS = 3


@contextmanager
def image_file(image: Any, spatial_dims: int, spacing: Sequence[float] | None = None) -> Iterator[Path]:
    """The path of an image; of an array or tensor, that of a file which lasts as long as the context.

    Args:
        image: a path, array or tensor: see ``Segmenter.predict``.
        spatial_dims: of the network.
        spacing: mm along each axis of a volume; None: 1.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: shape or values are not those of an image.
    """
    if isinstance(image, str | Path):
        if not Path(image).is_file():
            raise FileNotFoundError(f"Expected an image, found no file at {image}.")
        yield Path(image)
        return
    channels_first = isinstance(image, torch.Tensor)
    values = image.detach().cpu().numpy() if isinstance(image, torch.Tensor) else np.asarray(image)
    with tempfile.TemporaryDirectory() as folder:
        if values.ndim == 4 or (values.ndim == 3 and spatial_dims == 3):
            path = Path(folder) / "volume.nii"
            _write_volume(path, values, spacing)
        else:
            path = Path(folder) / "picture.png"
            _write_picture(path, values, channels_first)
        yield path


def _write_volume(path: Path, values: np.ndarray, spacing: Sequence[float] | None) -> None:
    if values.ndim == 4 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 3 or values.dtype.kind not in "iuf":
        raise ValueError(
            f"Expected a volume of numbers (1, X, Y, Z), got {values.dtype} of {values.shape}. Give one volume of one "
            "channel at a time."
        )
    write_nifti(path, values, np.diag([*(spacing or (1, 1, 1)), 1.0]))


def _write_picture(path: Path, values: np.ndarray, channels_first: bool) -> None:
    if channels_first and values.ndim == 3:
        values = np.moveaxis(values, 0, -1)
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[-1] != COLOURS):
        raise ValueError(
            f"Expected a picture as array (H, W) or (H, W, {COLOURS}) or as tensor (1 or {COLOURS}, H, W), got "
            f"{'a tensor' if channels_first else 'an array'} whose channels come last as {values.shape}. Give one "
            "picture at a time; turn arrays of channels first with np.moveaxis(array, 0, -1)."
        )
    whole = values.dtype.kind in "iu"
    deep = whole and (values.dtype == np.uint16 or int(values.max(initial=0)) > np.iinfo(np.uint8).max)
    limit = np.iinfo(np.uint16 if deep else np.uint8).max
    if not whole or int(values.min(initial=0)) < 0 or int(values.max(initial=0)) > limit or (deep and values.ndim == 3):
        raise ValueError(
            "Expected whole numbers from 0 to 255 (to 65535 of one channel), the grey levels of a picture's file, got "
            f"{values.dtype} from {values.min():g} to {values.max():g} of shape {values.shape}. Values in [0, 1] times "
            "255, rounded, as uint8 are such numbers; or give the path of the file."
        )
    Image.fromarray(np.ascontiguousarray(values.astype(np.uint16 if deep else np.uint8))).save(path)

"""Slices of volumes one after another, in the units of the networks; one volume is in memory at a time.

Threads may share a reader: what it holds is one tuple, taken once a call.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ssgnet_monai.data.volumes.view import slice_axis, slice_view
from ssgnet_monai.data.volumes.volume import Volume

logger = logging.getLogger(__name__)

WINDOW_PERCENTILES = (0.5, 99.5)
SAMPLED_VOXELS = 1_000_000


class SliceReader:
    """Reads upright slices, see ``slice_view``.

    Args:
        window: (low, high) voxel values that become 0 and 1; None: two percentiles of each volume.

    Raises:
        ValueError: no window.
    """

    def __init__(self, window: Sequence[float] | None = None) -> None:
        if window is not None and not float(window[0]) < float(window[1]):
            raise ValueError(f"Expected voxel_window (low, high) with low < high, got {list(window)}.")
        self.window = window
        self._held: tuple[tuple[str, int, int], Volume, tuple[float, float]] | None = None

    def read(self, path: str, axis: int, index: int) -> np.ndarray:
        """One slice.

        Args:
            path: a NIfTI volume.
            axis: array axis of the file along which it is cut.
            index: index on that axis.

        Returns:
            (H, W) float32 in [0, 1].
        """
        volume, limits = self._open(path)
        return _in_window(volume, slice_view(volume.stored, volume.affine, axis)[index], limits)

    def read_all(self, path: str, plane: str | None = None) -> tuple[np.ndarray, int]:
        """All slices of a volume.

        Args:
            path: a NIfTI volume.
            plane: along which it is cut, see ``slice_axis``.

        Returns:
            ((N, H, W) float32 in [0, 1], the array axis along which it is cut).
        """
        volume, limits = self._open(path)
        axis = slice_axis(volume.affine, plane)
        slices = slice_view(volume.stored, volume.affine, axis)
        return np.stack([_in_window(volume, values, limits) for values in slices]), axis

    def volume(self, path: str) -> Volume:
        """The volume of a file, which stays in memory until the next one is asked for, or the file changes."""
        return self._open(path)[0]

    def _open(self, path: str) -> tuple[Volume, tuple[float, float]]:
        held, known = self._held, file_state(path)
        if held is None or held[0] != known:
            held = self._held = None  # before the next one is read
            volume = Volume(path)
            held = self._held = (known, volume, self.limits(volume))
        return held[1], held[2]

    def limits(self, volume: Volume) -> tuple[float, float]:
        """The voxel values that become 0 and 1: the window, or percentiles of the volume, which are told."""
        if self.window is not None:
            return float(self.window[0]), float(self.window[1])
        flat = volume.stored.reshape(-1, order="A")
        sample = volume.values(flat[:: max(1, flat.size // SAMPLED_VOXELS)])
        low, high = (float(limit) for limit in np.percentile(sample, WINDOW_PERCENTILES))
        logger.warning(
            "%s: no voxel_window is set, so the volume's own percentiles %g and %g become 0 and 1. Set voxel_window to "
            "that of the training datalist where voxel values have a unit (CT).",
            volume.path,
            low,
            high,
        )
        return low, high if high > low else low + 1.0


def file_state(path: str | Path) -> tuple[str, int, int]:
    """Name, time of change and size of a file: another one was written where they differ."""
    try:
        state = os.stat(path)
    except OSError:  # whoever opens it says why
        return str(path), 0, 0
    return str(path), state.st_mtime_ns, state.st_size


def _in_window(volume: Volume, stored: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    low, high = limits
    return ((volume.values(stored) - low) / (high - low)).clip(0, 1).astype(np.float32)

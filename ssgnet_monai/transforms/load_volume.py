"""The loader of whole volumes for three-dimensional networks: voxels as stored, so that crops come before floats."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import MapTransform

from ssgnet_monai.data.image_files import is_volume
from ssgnet_monai.data.soft_labels import is_soft_label, read_soft_label, to_unit
from ssgnet_monai.data.volumes.label_volume import label_voxels
from ssgnet_monai.data.volumes.network_grid import on_network_grid
from ssgnet_monai.data.volumes.nifti_file import read_nifti
from ssgnet_monai.data.volumes.slice_reader import SliceReader
from ssgnet_monai.data.volumes.volume import Volume
from ssgnet_monai.data.volumes.voxel_scale import voxel_scale

VOXEL_VALUES = ("windowed", "stored")
KEPT = ("uint8", "int8", "int16", "int32", "float32")
"""Types of voxels that PyTorch has, of at most four bytes."""


class LoadVolumed(MapTransform):
    """Load a volume (and its label, if the item has one) on the network's grid; see ``volumes.network_grid``.

    The image keeps its stored type: a volume of 512 x 512 x 400 of 16 bits takes 210 MB, not 840. ``WindowVolumed`` and
    ``NormalizeVolumed`` make network units of it, or of a crop of it, by the scale in its meta.

    Args:
        num_classes: K.
        label_names: of the K classes, by which the segments of a viewer's file are known.
        voxel_window: (low, high) voxel values that become 0 and 1: the datalist's; None: percentiles of each volume.
        voxel_values: "windowed": cut at the window, then the z-score of the volume; "stored": as the files have them.
        voxel_spacing: mm along each axis of a file to which volumes are resampled: the datalist's ``voxel_spacing``;
            None: as they are.
        image_key: key of the path of a NIfTI volume. Result: ``MetaTensor`` (1, X, Y, Z); its meta holds
            ``filename_or_obj``, ``spatial_shape`` and ``voxel_scale``.
        label_key: key of the label's path, NIfTI or NRRD on the volume's grid; items without it pass. Result:
            (1, X, Y, Z) uint8, class numbers and 255; of a round's soft label (K - 1, X, Y, Z) float16, the
            probability of each class but the background.

    Raises:
        ValueError: a picture, an unreadable volume, a label of other values or on another grid, an unknown setting.
    """

    def __init__(
        self,
        num_classes: int = 2,
        voxel_window: Sequence[float] | None = None,
        voxel_values: str = "windowed",
        voxel_spacing: Sequence[float] | None = None,
        image_key: str = "image",
        label_key: str = "label",
        label_names: Sequence[str] = (),
    ) -> None:
        super().__init__(keys=[image_key, label_key], allow_missing_keys=True)
        if voxel_values not in VOXEL_VALUES:
            raise ValueError(f"Expected voxel_values out of {', '.join(VOXEL_VALUES)}, got {voxel_values!r}.")
        self.num_classes, self.voxel_values, self.voxel_spacing = num_classes, voxel_values, voxel_spacing
        self.image_key, self.label_key, self.label_names = image_key, label_key, tuple(label_names)
        self._limits = SliceReader(voxel_window).limits

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace the paths in a copy of ``data`` by tensors."""
        result = dict(data)
        path = result[self.image_key]
        if not is_volume(path):
            raise ValueError(
                f"Expected a NIfTI volume for a network of three dimensions, got {path}. Prepare the data with "
                "`--form volumes`, or train on slices and pictures without volumes.yaml."
            )
        volume = Volume(path)
        voxels, affine = on_network_grid(*read_nifti(path), self.voxel_spacing, "bilinear")
        image = _tensor(voxels)
        meta = {"filename_or_obj": str(path), "spatial_shape": np.asarray(voxels.shape), "original_channel_dim": 0}
        meta["voxel_scale"] = voxel_scale(image, *self._limits(volume)) if self.voxel_values == "windowed" else None
        result[self.image_key] = MetaTensor(image[None], affine=torch.from_numpy(affine), meta=meta)
        if self.label_key in result:
            planes, soft = self._planes(result[self.label_key], volume), is_soft_label(result[self.label_key])
            planes = np.stack([on_network_grid(p, volume.affine, self.voxel_spacing, "nearest")[0] for p in planes])
            label = torch.from_numpy(to_unit(planes, np.float16) if soft else planes)
            result[self.label_key] = MetaTensor(label, affine=torch.from_numpy(affine))
        return result

    def _planes(self, path: Any, volume: Volume) -> np.ndarray:
        if is_soft_label(path):
            return read_soft_label(path, self.num_classes)
        return label_voxels(path, volume, self.num_classes, self.label_names)[None]


def _tensor(voxels: np.ndarray) -> torch.Tensor:
    kind = voxels.dtype.name
    kind = "int32" if kind == "uint16" else kind if kind in KEPT else "float32"
    return torch.from_numpy(voxels.astype(kind, copy=False))

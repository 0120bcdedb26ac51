"""A network's answer about a whole volume, back on the voxels of the volume's file."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from ssgnet_monai.data.volumes.network_grid import on_file_grid
from ssgnet_monai.data.volumes.volume import Volume


class RestoreVolumed(MapTransform):
    """Probabilities on the network's grid become those of the file's voxels, in the file's order.

    Args:
        keys: of tensors (K, X, Y, Z). Result: ``MetaTensor`` (K, I, J, K') with the file's affine.
        voxel_spacing: as ``LoadVolumed`` has it.
        image_key: key of the image, whose meta names the file.
    """

    def __init__(
        self, keys: KeysCollection, voxel_spacing: Sequence[float] | None = None, image_key: str = "image"
    ) -> None:
        super().__init__(keys)
        self.voxel_spacing, self.image_key = voxel_spacing, image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """A copy of ``data`` with restored volumes."""
        result = dict(data)
        volume = Volume(result[self.image_key].meta["filename_or_obj"])
        for key in self.key_iterator(result):
            values = torch.as_tensor(result[key])
            values = values.as_tensor() if isinstance(values, MetaTensor) else values
            restored = on_file_grid(values, volume.shape, volume.affine, self.voxel_spacing)
            result[key] = MetaTensor(restored, affine=torch.from_numpy(volume.affine))
        return result

"""A predicted mask as MONAI Label's writer and 3D Slicer expect it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import MapTransform

from ssgnet_monai.data.image_files import JPEG_SUFFIXES
from ssgnet_monai.data.volumes.label_volume import is_label_volume
from ssgnet_monai.data.volumes.picture_grid import picture_affine, seen_by_itk
from ssgnet_monai.data.volumes.view import slice_view
from ssgnet_monai.data.volumes.volume import Volume
from ssgnet_monai.transforms.drop_spatial_shape import DropSpatialShaped

NO_MASKS = (*JPEG_SUFFIXES, ".dcm")
"""Formats that change a mask's values, or are more than an image."""


class ViewerMaskd(MapTransform):
    """The last postprocessing transform of a segmenter: after it MONAI Label has nothing to resize or to turn.

    A picture's mask becomes (W, H), a volume's (I, J, K) in the file's own voxel order with the file's affine. The mask
    of a JPEG or DICOM picture is asked for as PNG; where the client asks for a format of volumes, as 3D Slicer does, a
    picture's mask becomes (W, H, 1) at the place where ITK, and so Slicer, shows the picture, which is as it is stored;
    every other mask of a picture is upright, as its orientation tag asks. MONAI Label's scoring
    leaves out ``Invertd``: a volume's mask of another size than the volume is on no grid and stays (W, H, N).

    Args:
        keys: key of the mask: (1, H, W), or (1, H, W, N) of a volume that ``LoadImageMaskd`` read as a whole, or
            (1, I, J, K) of one that ``LoadVolumed`` read and ``RestoreVolumed`` put on its file's grid.
        image_key: key of the image, whose meta names the file.
    """

    def __init__(self, keys: str, image_key: str = "image") -> None:
        super().__init__(keys)
        self.image_key = image_key
        self._drop = DropSpatialShaped(image_key)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """A copy of ``data`` with uint8 masks, class numbers."""
        size = tuple(data[self.image_key].meta["spatial_shape"])
        result = self._drop(data)
        meta = result[self.image_key].meta
        path = Path(meta["filename_or_obj"])
        for key in self.key_iterator(result):
            mask = result[key][0].detach().cpu().to(torch.uint8).numpy()
            if mask.ndim == 3 and "axis" not in meta:
                result[key] = MetaTensor(torch.from_numpy(mask), affine=torch.from_numpy(Volume(path).affine))
            elif mask.ndim == 3 and mask.shape == size:
                result[key] = _volume(mask, path, int(meta["axis"]))
            elif mask.ndim == 2 and is_label_volume(result.get("result_extension") or ""):
                voxels = torch.from_numpy(np.ascontiguousarray(seen_by_itk(mask, path).T[..., None]))
                result[key] = MetaTensor(voxels, affine=torch.from_numpy(picture_affine(path)))
            else:
                result[key] = MetaTensor(torch.from_numpy(np.ascontiguousarray(mask.swapaxes(0, 1))))
        if path.suffix.lower() in NO_MASKS and not result.get("result_extension"):
            result["result_extension"] = ".png"
        return result


def _volume(mask: np.ndarray, path: Path, axis: int) -> MetaTensor:
    volume = Volume(path)
    voxels = np.zeros(volume.shape, np.uint8)
    slice_view(voxels, volume.affine, axis)[...] = np.moveaxis(mask, -1, 0)
    return MetaTensor(torch.from_numpy(voxels), affine=torch.from_numpy(volume.affine))

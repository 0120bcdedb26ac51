"""Writing predicted masks: a picture's as PNG, those of a volume's slices together as one NIfTI file."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monai.transforms import SaveImaged

from ssgnet_monai.data.atomic_write import atomic_path
from ssgnet_monai.data.image_files import is_volume, stem_of
from ssgnet_monai.data.image_io import write_mask_png
from ssgnet_monai.data.label_space import mask_image
from ssgnet_monai.data.volumes.mask_volume import MaskVolume, write_mask_volume
from ssgnet_monai.data.volumes.volume import Volume


class SaveMaskd(SaveImaged):
    """Writes the masks of items that ``ssgnet_monai.data.inference_items`` lists, in their order.

    A picture's mask becomes PNG of the picture's stem: values 0 and 255 of two classes, class numbers with a palette of
    more. A volume's mask, whole or when its last slice has come, becomes NIfTI of class numbers with the volume's name,
    shape, affine and spacing. (A ``SaveImaged``, so that MONAI Label, which saves by itself, leaves it out.)

    Args:
        keys: key of the mask, class numbers: (1, H, W), or (1, I, J, K) of a whole volume in its file's order.
        output_dir: folder of the masks.
        num_classes: K.
        image_key: key of the image, whose meta names the file.
    """

    def __init__(self, keys: str, output_dir: str | Path, num_classes: int = 2, image_key: str = "image") -> None:
        super().__init__(keys, output_dir=output_dir)
        self.image_key, self.output_dir, self.num_classes = image_key, Path(output_dir), num_classes
        self._volume: MaskVolume | None = None

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the masks of one item; ``data`` is passed on."""
        path = Path(data[self.image_key].meta["filename_or_obj"])
        for key in self.keys:
            mask = np.asarray(data[key].detach().cpu())[0]
            if mask.ndim == 3:
                write_mask_volume(self.output_dir / path.name, mask.astype(np.uint8, copy=False), Volume(path))
            elif is_volume(path):
                self._put(path, data, mask)
            elif self.num_classes == 2:
                write_mask_png(self.output_dir / f"{stem_of(path)}.png", mask)
            else:
                with atomic_path(self.output_dir / f"{stem_of(path)}.png") as temporary:
                    mask_image(mask).save(temporary, format="PNG")
        return dict(data)

    def _put(self, path: Path, data: Mapping[Hashable, Any], mask: np.ndarray) -> None:
        if self._volume is None or self._volume.volume.path != str(path):
            self._volume = MaskVolume(path, int(data["axis"]))
        self._volume.put(int(data["slice"]), mask)
        if self._volume.complete:
            self._volume.write(self.output_dir / path.name)
            self._volume = None

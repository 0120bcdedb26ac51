"""Writing predicted masks: a picture's as PNG, those of a volume's slices together as one NIfTI file."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monai.transforms import SaveImaged

from ssgnet_monai.data.image_files import is_volume
from ssgnet_monai.data.volumes.mask_volume import MaskVolume


class SaveMaskd(SaveImaged):
    """MONAI's ``SaveImaged`` for masks of items that ``ssgnet_monai.data.inference_items`` lists, in their order.

    A volume's mask is written when its last slice has come: NIfTI of the volume's name, shape, affine and spacing.

    Args:
        keys: key of the (1, H, W) mask, {0, 1}.
        output_dir: folder of the masks.
        image_key: key of the image, whose meta names the file.
        options: further arguments of ``SaveImaged``, for pictures.
    """

    def __init__(self, keys: str, output_dir: str | Path, image_key: str = "image", **options: Any) -> None:
        super().__init__(keys, output_dir=output_dir, **options)
        self.image_key, self.output_dir = image_key, Path(output_dir)
        self._volume: MaskVolume | None = None

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the masks of one item; ``data`` is passed on."""
        path = Path(data[self.image_key].meta["filename_or_obj"])
        if not is_volume(path):
            for key in self.keys:  # MONAI's writers expect (width, height)
                super().__call__({**data, key: data[key].transpose(1, 2)})
            return dict(data)
        if self._volume is None or self._volume.volume.path != str(path):
            self._volume = MaskVolume(path, int(data["axis"]))
        for key in self.keys:
            mask = np.asarray(data[key].detach().cpu())[0]
            self._volume.put(int(data["slice"]), mask)
        if self._volume.complete:
            self._volume.write(self.output_dir / path.name)
            self._volume = None
        return dict(data)

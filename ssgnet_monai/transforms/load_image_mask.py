"""The project's one image loader: an upright picture and, where there is one, its mask."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor, PILReader
from monai.transforms import MapTransform
from PIL import Image

from ssgnet_monai.data.dicom.dicom_file import read_picture
from ssgnet_monai.data.image_files import is_dicom, is_volume
from ssgnet_monai.data.image_io import picture_values
from ssgnet_monai.data.label_picture import prepared_numbers
from ssgnet_monai.data.open_picture import MAX_MEGAPIXELS, open_picture
from ssgnet_monai.data.orientation import orientation_of, turn_upright
from ssgnet_monai.data.soft_labels import is_soft_label, read_soft_label, to_unit
from ssgnet_monai.data.volumes.label_volume import is_label_volume, label_slices, picture_label
from ssgnet_monai.data.volumes.slice_reader import SliceReader, file_state

LUMA = (0.299, 0.587, 0.114)
EIGHT_BITS = (0.0, 255.0)
"""The window of pictures of 8 bits."""


class UprightPILReader(PILReader):
    """MONAI's Pillow reader with rows first, as Pillow, NumPy and torchvision have them, and a matching shape.

    MONAI's default swaps height and width; told not to (``reverse_indexing=False``) it still reports (W, H) in
    ``spatial_shape``, which a writer with ``resample`` would then trust.
    """

    def __init__(self) -> None:
        super().__init__(reverse_indexing=False)

    def _get_spatial_shape(self, img: Image.Image) -> np.ndarray:
        return np.asarray((img.height, img.width))

    def _get_meta_dict(self, img: Image.Image) -> dict[str, Any]:
        return {}


class LoadImageMaskd(MapTransform):
    """Load an image (and its mask, if the item has one) upright, in the project's units.

    The result is a ``MetaTensor`` (C, H, W), row index first; its meta holds ``filename_or_obj`` and ``spatial_shape``
    (H, W), and later spatial transforms are recorded on it, so ``Invertd`` leads a prediction back to the original
    size. Where the file's orientation tag (EXIF, TIFF) says that its pixels are stored turned or mirrored, image and
    prediction are upright, as viewers show the file. Saved with MONAI's writer, which swaps the first two axes *again*,
    a mask needs one transposition before it::

        - _target_: Invertd            # back to the size of the file
          keys: pred
          transform: "@preprocessing"
          orig_keys: image
          nearest_interp: false        # interpolate probabilities, threshold afterwards
        - {_target_: AsDiscreted, keys: pred, threshold: 0.5}
        - {_target_: Transposed, keys: pred, indices: [0, 2, 1]}
        - _target_: SaveImaged
          keys: pred
          writer: PILWriter
          output_ext: .png
          output_postfix: ""           # same stem as the image
          output_dtype: "$np.uint8"
          scale: 255                   # masks on disk are 0 / 255
          resample: false              # true (SaveImaged's default) would undo the transposition
          separate_folder: false
          output_dir: "@output_dir"

    or, from Python, ``ssgnet_monai.data.write_mask_png(path, mask)``, which does not transpose.

    Args:
        intensity_window: (low, high) in stored grey levels, mapped to 0 and 1 and clipped: the datalist's
            ``intensity_window``; (0, 255) for 8-bit images.
        num_channels: 3 (grey images are repeated) or 1 (colour images become luma, ITU-R BT.601).
        image_key: key of the image path. Result: (C, H, W) float32 in [0, 1].
        label_key: key of the mask path, a picture or what a viewer saved (NIfTI, NRRD); items without it pass. Result:
            (1, H, W) float32, class numbers and 255 where the class is not known; of a round's soft label
            (K - 1, H, W), the probability of each class but the background.
        num_classes: K, with the background: masks hold values 0 to K - 1, and 255 for what is not known. With two,
            masks of a person's own, black and white, are read too, see ``binarise_mask``.
        max_megapixels: most millions of pixels of an image; loading takes about thirty bytes a pixel.
        voxel_window: (low, high) voxel values of NIfTI volumes: the datalist's ``voxel_window``; None: percentiles of
            each volume. Items with "axis" and "slice" (``ssgnet_monai.data.inference_items``) are one slice.
        whole_volumes: load volumes without "slice" too, as (C, H, W, N).
        slice_plane: how these are cut, as in training: see ``ssgnet_monai.data.volumes.view.slice_axis``.
        label_names: of the K classes, by which the segments of a viewer's file are known.

    Raises:
        ValueError: an unreadable or too large file, a mask of other values, a 16-bit image under the 8-bit window or
            an 8-bit image under that of 16-bit images, an unknown channel count.
    """

    def __init__(
        self,
        intensity_window: Sequence[float] = (0, 255),
        num_channels: int = 3,
        image_key: str = "image",
        label_key: str = "label",
        num_classes: int = 2,
        max_megapixels: float = MAX_MEGAPIXELS,
        voxel_window: Sequence[float] | None = None,
        whole_volumes: bool = False,
        slice_plane: str | None = None,
        label_names: Sequence[str] = (),
    ) -> None:
        super().__init__(keys=[image_key, label_key], allow_missing_keys=True)
        low, high = (float(value) for value in intensity_window)
        if not low < high:
            raise ValueError(f"Expected intensity_window (low, high) with low < high, got {list(intensity_window)}.")
        if num_channels not in (1, 3):
            raise ValueError(f"Expected num_channels 1 or 3, got {num_channels}.")
        self.window = (low, high)
        self.num_channels = num_channels
        self.image_key, self.label_key, self.num_classes = image_key, label_key, num_classes
        self.label_names = tuple(label_names)
        self.max_megapixels = max_megapixels
        self.whole_volumes, self.slice_plane = whole_volumes, slice_plane
        self._slices = SliceReader(voxel_window)
        self._label_volume: tuple[Any, np.ndarray] | None = None  # of the volume that was read last

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace the paths in a copy of ``data`` by tensors."""
        result = dict(data)
        if self.image_key not in result:
            raise KeyError(f"Expected a path under {self.image_key!r}, got an item with {sorted(map(str, result))}.")
        path = result[self.image_key]
        image = self._slice(path, result) if is_volume(path) else self._image(path)
        result[self.image_key] = self._with_channels(image)
        if self.label_key in result:
            result[self.label_key] = self._label(result)
        return result

    def _image(self, path: Any) -> torch.Tensor:
        values = read_picture(path, self.max_megapixels) if is_dicom(path) else self._open(path, picture_values)
        low, high = self.window
        deep = values.dtype == np.uint16
        if deep == (self.window == EIGHT_BITS) or (not deep and high > EIGHT_BITS[1]):
            raise ValueError(
                f"Expected {'an 8' if deep else 'a 16'}-bit image for intensity_window ({low:g}, {high:g}), got "
                f"{16 if deep else 8}-bit values up to {values.max()} in {path}. Pass the datalist's "
                "intensity_window, and images of the depth that the network was trained on."
            )
        return self._tensor(path, values).sub_(low).div_(high - low).clamp_(0.0, 1.0)

    def _slice(self, path: Any, item: Mapping[Hashable, Any]) -> torch.Tensor:
        if "slice" in item:
            axis = int(item["axis"])
            values = self._slices.read(path, axis, int(item["slice"]))
        elif not self.whole_volumes:
            raise ValueError(
                f"Expected 'axis' and 'slice' beside a volume, got an item with {sorted(map(str, item))} for {path}. "
                "Prepare volumes with `ssgnet data prepare`, or list their slices with `inference_items`."
            )
        else:
            slices, axis = self._slices.read_all(path, self.slice_plane)
            values = np.moveaxis(slices, 0, -1)
        meta = {"filename_or_obj": str(path), "spatial_shape": np.asarray(values.shape), "original_channel_dim": 0}
        return MetaTensor(torch.from_numpy(np.ascontiguousarray(values[None])), meta={**meta, "axis": axis})

    def _label(self, item: Mapping[Hashable, Any]) -> torch.Tensor:
        """(1, H, W) float32 class numbers, or soft planes; ``item`` has its image already."""
        path, image, known_by = item[self.label_key], item[self.image_key], (self.num_classes, self.label_names)
        if is_soft_label(path):
            return MetaTensor(torch.from_numpy(to_unit(read_soft_label(path, self.num_classes))))
        if not is_label_volume(path):
            return self._tensor(path, self._open(path, self._class_numbers))
        if "slice" in item:
            held, known = self._label_volume, file_state(path)
            if held is None or held[0] != known:
                volume = self._slices.volume(image.meta["filename_or_obj"])
                held = self._label_volume = (known, label_slices(path, volume, int(item["axis"]), *known_by))
            mask = held[1][int(item["slice"])]
        else:
            mask = picture_label(path, image.meta["filename_or_obj"], tuple(image.shape[1:]), *known_by)
        return MetaTensor(torch.from_numpy(mask[None].astype(np.float32)))

    def _with_channels(self, image: torch.Tensor) -> torch.Tensor:
        if image.shape[0] == self.num_channels:
            return image
        if self.num_channels == 3:
            return image.repeat(3, *[1] * (image.ndim - 1))
        return (image * image.new_tensor(LUMA).view(3, 1, 1)).sum(0, keepdim=True)

    def _class_numbers(self, image: Image.Image, name: str) -> np.ndarray:
        return turn_upright(prepared_numbers(image, self.num_classes, name), orientation_of(image))

    def _open(self, path: Any, read: Callable[[Image.Image, str], np.ndarray]) -> np.ndarray:
        with open_picture(path, self.max_megapixels) as image:
            return read(image, str(path))

    def _tensor(self, path: Any, values: np.ndarray) -> torch.Tensor:
        """(C, H, W) float32 in stored units. MONAI's ``LoadImage`` would try its other, transposing readers."""
        values, meta = UprightPILReader().get_data(Image.fromarray(values))
        channels_first = values[None] if values.ndim == 2 else np.moveaxis(values, -1, 0)
        meta.update(filename_or_obj=str(path), original_channel_dim=0)
        return MetaTensor(torch.from_numpy(np.ascontiguousarray(channels_first, dtype=np.float32)), meta=meta)

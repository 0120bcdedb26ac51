"""A trained segmenter: one image in, its classes out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import torch
from monai.transforms import Compose, Invertd

from ssgnet_monai.api.image_file import image_file
from ssgnet_monai.api.trained_folder import inference_settings
from ssgnet_monai.data.label_space import decide
from ssgnet_monai.data.volumes.view import slice_view
from ssgnet_monai.data.volumes.volume import Volume
from ssgnet_monai.engines.predictor import Predictor
from ssgnet_monai.engines.weights import load_weights
from ssgnet_monai.transforms import RestoreVolumed

RESTORING = (Invertd, RestoreVolumed)


class Segmenter:
    """What :func:`load_segmenter` gives.

    Attributes:
        num_classes: K, background included.
        num_channels: of the network's images.
        spatial_dims: 2: pictures, and volumes slice by slice; 3: volumes.
        network: the network itself, in evaluation mode.
    """

    def __init__(self, settings: Any) -> None:
        ids = ("num_classes", "num_channels", "spatial_dims", "threshold")
        self.num_classes, self.num_channels, self.spatial_dims, self._threshold = map(settings.get_parsed_content, ids)
        self.network: torch.nn.Module = settings.get_parsed_content("network")
        load_weights(self.network, Path(settings.get_parsed_content("ckpt_dir")) / "model.pt")
        device = settings.get_parsed_content("device")
        self._predictor = Predictor(self.network, settings.get_parsed_content("inferer"), device)
        self._load = settings.get_parsed_content("preprocessing")
        after: Compose = settings.get_parsed_content("postprocessing")
        self._restore = Compose([transform for transform in after.transforms if isinstance(transform, RESTORING)])

    @overload
    def predict(
        self, image: Any, *, probabilities: Literal[False] = False, spacing: Sequence[float] | None = None
    ) -> np.ndarray: ...

    @overload
    def predict(
        self, image: Any, *, probabilities: Literal[True], spacing: Sequence[float] | None = None
    ) -> tuple[np.ndarray, np.ndarray]: ...

    def predict(
        self, image: Any, *, probabilities: bool = False, spacing: Sequence[float] | None = None
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """The classes of one picture or volume, as the bundle's inference gives them.

        Args:
            image: path of a picture (PNG, JPEG, TIFF, DICOM) or of a NIfTI volume. Or what such a file holds, in its
                own grey levels: a picture, whole numbers, as array (H, W) or (H, W, 3) or as tensor (C, H, W); a
                volume (1, X, Y, Z), or (X, Y, Z) for a segmenter of volumes, in the order right, front, up.
            probabilities: give the probability of each class too.
            spacing: mm along each axis of a volume that is no file; None: 1.

        Returns:
            Class numbers, uint8: (H, W) of a picture, upright; (I, J, K) of a volume, in its file's order. With
            ``probabilities`` a pair, of these and of the (num_classes, ...) float32.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: what is given cannot be read, or does not fit the segmenter.
        """
        with image_file(image, self.spatial_dims, spacing) as path:
            item = self._loaded(path)
            item["pred"] = self._predictor(item["image"][None])[0]
            found = torch.as_tensor(self._restore(item)["pred"]).float().cpu()
            meta = item["image"].meta
            classes, shares = decide(found[None], self._threshold)[0].numpy(), found.numpy()
            if found.ndim == 4 and "axis" in meta:
                classes, shares = (_in_file_order(values, path, int(meta["axis"])) for values in (classes, shares))
        return (classes[0], shares) if probabilities else classes[0]

    def _loaded(self, path: Path) -> Any:
        try:
            return self._load({"image": str(path)})
        except RuntimeError as error:  # MONAI's, which says in which transform; the loader's own says what is wrong
            raise error.__cause__ if isinstance(error.__cause__, ValueError) else error from None


def load_segmenter(
    path: str | Path, device: torch.device | str | None = None, *, trust_code: bool = False
) -> Segmenter:
    """A trained segmenter by its folder.

    Args:
        path: a bundle with weights (`ssgnet bundle copy ssgnet_segmentation FOLDER --trained ROW`), or the folder of a
            finished row and seed, such as ``runs/NAME/segmentation/ROW/seed0``.
        device: where the network goes; None: the first GPU, or the CPU.
        trust_code: whether the folder may name code that `ssgnet verify` does not know.

    Returns:
        The segmenter; its ``predict(image)`` gives class numbers.

    Raises:
        FileNotFoundError: there is no such thing.
        ValueError: it is of another bundle, damaged, or names code.

    Example:
        >>> segmenter = load_segmenter("runs/demo/segmentation/unet/seed0")
        >>> segmenter.predict("picture.png").shape
        (40, 28)
        >>> mask, probabilities = segmenter.predict(torch.zeros(3, 40, 28, dtype=torch.uint8), probabilities=True)
        >>> probabilities.shape
        (2, 40, 28)
    """
    with inference_settings(path, "ssgnet_segmentation", device, trust_code) as settings:
        return Segmenter(settings)


def _in_file_order(values: np.ndarray, path: Path, axis: int) -> np.ndarray:
    """(C, H, W, N) slices of a volume, as (C, I, J, K)."""
    volume = Volume(path)
    voxels = np.zeros((len(values), *volume.shape), values.dtype)
    for into, slices in zip(voxels, values, strict=True):
        slice_view(into, volume.affine, axis)[...] = np.moveaxis(slices, -1, 0)
    return voxels

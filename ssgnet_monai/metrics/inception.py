"""clean-fid's Inception features, of a file that one has asked for: nothing is fetched here."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor

from ssgnet_monai.data.atomic_write import sha256_file
from ssgnet_monai.data.datasets.adapter import RemoteFile
from ssgnet_monai.metrics.feature_extractor import FeatureExtractor

INCEPTION = RemoteFile(
    url="https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt",
    name="inception-2015-12-05.pt",
    sha256="f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
)
"""The published file; its hash as k-diffusion has it too. TorchScript is code: no other file is loaded."""
SIZE = 299


def inception_features(
    path: str | Path, device: torch.device | str = "cpu", *, sha256: str | None = INCEPTION.sha256
) -> FeatureExtractor:
    """The features of the published FID and KID: 2048 numbers of the TorchScript Inception of 2015-12-05.

    Args:
        path: the weights, ``inception-2015-12-05.pt``, or their folder.
        device: where features are computed.
        sha256: of the weights' file; another one is not loaded.

    Returns:
        The extractor.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another file than the published one.

    Source: Parmar et al. 2022, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation" (clean-fid).
    """
    path = Path(path)
    path = path / INCEPTION.name if path.is_dir() else path
    remedy = "Fetch it with `ssgnet data download inception --out DIR` and give inception: DIR; null needs none."
    if not path.is_file() or path.name != INCEPTION.name:
        raise FileNotFoundError(f"Expected Inception's weights as a file {INCEPTION.name}, got {path}. {remedy}")
    if (found := sha256_file(path)) != sha256:
        raise ValueError(
            f"Expected {path} with SHA-256 {str(sha256)[:12]}, got {found[:12]}: it is damaged or another file. "
            f"Remove it. {remedy}"
        )
    from cleanfid.inception_torchscript import InceptionV3W

    network = InceptionV3W(str(path.parent), download=False).to(device).eval()

    def features(images: Tensor) -> Tensor:
        return network(resize_clean(images))

    return FeatureExtractor(
        name="clean-fid Inception (2015-12-05, 2048 features)",
        sha256=found,
        resizer="clean-fid clean (PIL bicubic, antialiased, 299x299)",
        network=features,
        device=torch.device(device),
        batch_size=32,
    )


def resize_clean(images: Tensor) -> Tensor:
    """clean-fid's resizing for Inception: antialiased bicubic as PIL's on float channels, clipped, not rounded.

    Args:
        images: (B, 3, H, W) float in [0, 1].

    Returns:
        (B, 3, 299, 299) float in [0, 255].
    """
    size = (SIZE, SIZE)
    return functional.interpolate(images * 255, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 255)

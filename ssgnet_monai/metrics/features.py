"""The features that FID and KID compare: Inception's, ImageNet features of a package, or ones learnt here."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.tensor_file import load_tensors, save_tensors
from ssgnet_monai.metrics.feature_extractor import FeatureExtractor, state_sha256, unit_rgb
from ssgnet_monai.metrics.feature_network import FeatureNetwork, train_feature_network
from ssgnet_monai.metrics.imagenet_features import imagenet_features
from ssgnet_monai.metrics.inception import inception_features
from ssgnet_monai.networks.imagenet_weights import packaged_file

logger = logging.getLogger(__name__)

VERSION = 1  # changes when the same images and seed give another network


def load_or_train_features(
    images: Tensor,
    classes: Sequence[str] | None,
    cache_dir: str | Path,
    *,
    device: torch.device | str = "cpu",
    seed: int = 0,
    inception: str | Path | None = None,
    features: str = "auto",
) -> FeatureExtractor:
    """clean-fid's Inception of a file; else ImageNet features of an installed package; else a network trained here.

    Values of Inception alone compare with published ones.

    Values from different extractors cannot be compared: ``extractor.json`` in ``cache_dir`` names the one that was used
    first, and another one is refused.

    Args:
        images: (N, 1 or 3, H, W) real *training* images of all classes, uint8 or float in [0, 1].
        classes: a class name for each image, or None.
        cache_dir: where a trained network is kept, named after its images, classes and seed; stages that run side by
            side may share it.
        device: where features are computed (and learnt).
        seed: of the trained network.
        inception: Inception's weights, or their folder; None: what ``features`` says.
        features: "package" (ImageNet features of ``ssgnet-monai[pretrained]``), "learnt" (from ``images``), or "auto":
            those of the package where it is installed, else learnt ones.

    Returns:
        The extractor.

    Raises:
        FileNotFoundError: no Inception where it should be, or the package is not installed.
        ValueError: another file than Inception's, another word for ``features``, or another extractor than the one in
            ``cache_dir``.
    """
    if features not in ("auto", "package", "learnt"):
        raise ValueError(f"Expected features auto, package or learnt, got {features!r}.")
    if inception is not None:
        extractor = inception_features(inception, device)
    elif features == "package" or (features == "auto" and packaged_file() is not None):
        extractor = imagenet_features(device)
    else:
        extractor = _trained_features(images, classes, cache_dir, device, seed)
    used = {"name": extractor.name, "sha256": extractor.sha256}
    file = Path(cache_dir) / "extractor.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else used
    if before["sha256"] != used["sha256"]:
        raise ValueError(
            f"Expected one extractor for all scores of a run, {before['name']} ({before['sha256'][:12]}) as {file} has "
            f"it, got {extractor.name} ({extractor.sha256[:12]}). Keep the settings `inception` and `features` "
            f"(package, learnt), or remove {file} and "
            "score all generators again."
        )
    write_json(file, used)
    logger.warning("FID and KID use a %s, sha256 %s", extractor.name, extractor.sha256)
    return extractor


def _trained_features(
    images: Tensor, classes: Sequence[str] | None, cache_dir: str | Path, device: torch.device | str, seed: int
) -> FeatureExtractor:
    path = Path(cache_dir) / f"features_{_key(images, classes, seed)}.pt"
    network = _load(path)
    if network is None:
        trained = train_feature_network(images, classes, seed=seed, device=device)
        # A stage running beside this one may have been faster: all stages use the same file.
        network = _load(path)
        if network is None:
            network = trained.cpu()
            names = network.classes.out_features if network.classes is not None else 0
            save_tensors(path, {"size": network.size, "num_classes": names, "state": network.state_dict()})
    network = network.to(device)
    return FeatureExtractor(
        name=f"feature network trained on {len(images)} real training images",
        sha256=state_sha256(network.state_dict()),
        resizer=f"antialiased bilinear, {network.size}x{network.size}",
        network=network,
        device=torch.device(device),
    )


def _key(images: Tensor, classes: Sequence[str] | None, seed: int) -> str:
    digest = hashlib.sha256(f"{VERSION} {seed} {tuple(images.shape)} {list(classes or ())}".encode())
    for part in images.split(256):
        digest.update((unit_rgb(part)[:, :, ::2, ::2] * 255).round().to(torch.uint8).cpu().numpy().tobytes())
    return digest.hexdigest()[:12]


def _load(path: Path) -> FeatureNetwork | None:
    """The network in ``path``, or None when there is none or the file is damaged (which is logged)."""
    if not path.exists():
        return None
    try:
        content = load_tensors(path)
        network = FeatureNetwork(content["size"], content["num_classes"])
        network.load_state_dict(content["state"])
    except Exception as error:  # a damaged file raises whatever its damaged bytes lead to
        logger.warning("Training the feature network again: %s cannot be read (%s)", path, error)
        return None
    return network.eval().requires_grad_(False)

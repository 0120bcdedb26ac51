"""ImageNet features of an installed package, for FID and KID where Inception's file is not at hand."""

from __future__ import annotations

import timm
import torch
import torch.nn.functional as functional
from torch import Tensor

from ssgnet_monai.metrics.feature_extractor import FeatureExtractor
from ssgnet_monai.networks.imagenet_weights import PACKAGE, PACKAGED, SHA256, imagenet_weights

SIZE = 224


def imagenet_features(device: torch.device | str = "cpu") -> FeatureExtractor:
    """The 1280 features that EfficientNet-Lite0 tells the classes of ImageNet by.

    The same for every dataset, unlike features learnt from a run's own images; but other features than Inception's, so
    that values compare with none that are published.

    Args:
        device: where features are computed.

    Raises:
        FileNotFoundError: the package of weights is not installed.
        ValueError: its file is damaged.

    Source: Tan & Le 2019 (arXiv 1905.11946); its Lite variant by Google, 2020.
    """
    network = timm.create_model(PACKAGED, num_classes=0)
    weights = imagenet_weights(PACKAGED, PACKAGE)
    network.load_state_dict({name: weights[name] for name in network.state_dict()})
    network = network.to(device).eval().requires_grad_(False)

    def features(images: Tensor) -> Tensor:
        resized = functional.interpolate(images, (SIZE, SIZE), mode="bicubic", antialias=True, align_corners=False)
        return network(2 * resized.clamp(0, 1) - 1)

    return FeatureExtractor(
        name="EfficientNet-Lite0 trained on ImageNet (1280 features)",
        sha256=SHA256,
        resizer=f"antialiased bicubic, {SIZE}x{SIZE}",
        network=features,
        device=torch.device(device),
        batch_size=32,
    )

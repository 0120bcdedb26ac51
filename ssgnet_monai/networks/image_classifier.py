"""A classifier out of timm's registry: any number of classes, small images, pretrained weights, frozen layers."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import ResNet
from torch import nn

from ssgnet_monai.networks.imagenet_weights import for_channels, imagenet_weights

HELP = (
    "Set pretrained to the path of a state dict of this architecture, to package (tf_efficientnet_lite0 of "
    "ssgnet-monai[pretrained]), or to false (recipe: scratch)."
)


class ImageClassifier(nn.Module):
    """A network of timm with one logit a class.

    Two classes have one free logit z and give (0, z): its softmax is (1 - sigmoid(z), sigmoid(z)) and its cross-entropy
    is the binary cross-entropy of z.

    Args:
        architecture: a name of ``timm.list_models()``, such as resnet18, resnet50, efficientnet_b0.
        num_classes: at least 2.
        num_channels: of the images. Other than 3, the pretrained weights of the first layer are summed or repeated.
        pretrained: False: random weights; True: ImageNet weights, downloaded by timm; "package": those of
            ``ssgnet-monai[pretrained]`` (tf_efficientnet_lite0); or a file of weights (state dict of timm, of
            torchvision where the names agree, or of this class), of which all but the head is used.
        freeze: None: all layers train; N: only the last N layers with weights (convolutions, normalisations) and the
            head do. Frozen normalisations keep their running means.
        small_images: a first layer for images of about 32 pixels: ResNets get a 3x3 convolution of stride 1 and no
            max-pooling, networks with ``conv_stem`` a stride of 1 there.
        image_size: side of the images in pixels, for architectures that are built for one size (transformers). None:
            the architecture's own.

    Raises:
        ValueError: an unknown architecture, one that cannot be built for the size, weights that cannot be had or do not
            fit, a first layer that cannot be changed, ``freeze`` out of range, fewer than two classes.

    Source: He et al., arXiv 1512.03385 (ResNet; section 4.2 for small images); Yang et al. 2023 (MedMNIST v2).
    """

    def __init__(
        self,
        architecture: str = "resnet50",
        num_classes: int = 2,
        num_channels: int = 3,
        pretrained: bool | str | Path = False,
        freeze: int | None = None,
        small_images: bool = False,
        image_size: int | None = None,
    ) -> None:
        super().__init__()
        if num_classes < 2:
            raise ValueError(f"Expected at least two classes, got {num_classes}. Look at the datalist's 'classes'.")
        if not timm.is_model(architecture):
            near = difflib.get_close_matches(architecture, timm.list_models(), n=3)
            raise ValueError(
                f"Expected architecture to be a name of timm.list_models(), got {architecture!r} (near: {near})."
            )
        outputs = 1 if num_classes == 2 else num_classes
        options = {"num_classes": outputs, "in_chans": num_channels, **_size(architecture, image_size)}
        self.backbone = _create(architecture, options, pretrained is True)
        if small_images:
            _keep_resolution(self.backbone, num_channels, pretrained is True)
        if not isinstance(pretrained, bool):
            _load_body(self.backbone, architecture, pretrained)
        self._frozen = _freeze(self.backbone, freeze)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (B, num_classes) of images (B, num_channels, H, W)."""
        logits = self.backbone(images)
        return torch.cat([torch.zeros_like(logits), logits], dim=1) if logits.shape[1] == 1 else logits

    def train(self, mode: bool = True) -> ImageClassifier:
        """Training or evaluation mode; frozen layers are always in the latter."""
        super().train(mode)
        for name, layer in self.backbone.named_modules():
            if name in self._frozen:
                layer.eval()
        return self


def _size(architecture: str, image_size: int | None) -> dict[str, int]:
    cfg = timm.get_pretrained_cfg(architecture)
    return {"img_size": image_size} if image_size and cfg is not None and cfg.fixed_input_size else {}


def _create(architecture: str, options: dict[str, Any], download: bool) -> nn.Module:
    if download and not timm.is_model_pretrained(architecture):
        raise ValueError(f"Expected pretrained weights of {architecture}, timm has none. {HELP}")
    try:
        return timm.create_model(architecture, pretrained=download, **options)
    except Exception as error:  # each store, each network failure and each architecture has an error class of its own
        what = f"{type(error).__name__}: {error}"
        if download:
            raise ValueError(
                f"Expected to download ImageNet weights of {architecture} (pretrained: true), got {what}. {HELP}"
            ) from error
        raise ValueError(
            f"Expected to build {architecture} with {options}, got {what}. Set image_size to the size that the "
            "architecture is made for, or choose another architecture."
        ) from error


def _keep_resolution(network: nn.Module, channels: int, downloaded: bool) -> None:
    if isinstance(network, ResNet) and isinstance(network.conv1, nn.Conv2d):
        if downloaded:
            raise ValueError(
                "Expected random weights or a file of them with small_images: true, got pretrained: true: the "
                "downloaded first layer is not the one for small images. Set small_images: false."
            )
        first = nn.Conv2d(channels, network.conv1.out_channels, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(first.weight, mode="fan_out", nonlinearity="relu")
        network.set_submodule("conv1", first)
        network.set_submodule("maxpool", nn.Identity())
    elif isinstance(stem := getattr(network, "conv_stem", None), nn.Conv2d):
        stem.stride = (1, 1)
    else:
        raise ValueError(
            f"Expected a network with the first layers of a ResNet or with conv_stem for small_images: true, got "
            f"{type(network).__name__}. Set small_images: false, or choose a ResNet."
        )


def _load_body(network: nn.Module, architecture: str, source: str | Path) -> None:
    """Fill all but the head; names and shapes must be the network's."""
    try:
        found = imagenet_weights(architecture, source)
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(f"{error} {HELP}") from None
    head = _head_names(network)
    own = network.state_dict()
    found = for_channels({key.removeprefix("backbone."): value for key, value in found.items()}, own)
    body = [key for key in own if key not in head and not key.endswith("num_batches_tracked")]
    for key in body:
        shape = tuple(found[key].shape) if key in found else None
        if shape != tuple(own[key].shape):
            raise ValueError(
                f"Expected weights of the configured network ({key}: {tuple(own[key].shape)}), got {source} with "
                f"{key}: {shape}. Set architecture, num_channels and small_images to those of the file. {HELP}"
            )
    network.load_state_dict({key: found[key] for key in body}, strict=False)


def _freeze(network: nn.Module, last: int | None) -> set[str]:
    """Names of the layers that are frozen: all but the last ones and the head."""
    if last is None:
        return set()
    head = _head_names(network)
    layers = [
        name
        for name, layer in network.named_modules()
        if any(f"{name}.{key}".lstrip(".") not in head for key, _ in layer.named_parameters(recurse=False))
    ]
    if not 0 <= last <= len(layers):
        raise ValueError(f"Expected freeze, the layers that train, from 0 to {len(layers)} or null, got {last}.")
    frozen = set(layers[: len(layers) - last])
    for name in frozen:
        for parameter in network.get_submodule(name).parameters(recurse=False):
            parameter.requires_grad_(False)
    return frozen


def _head_names(network: nn.Module) -> set[str]:
    classifier: Any = network
    head = {id(parameter) for parameter in classifier.get_classifier().parameters()}
    return {name for name, parameter in network.named_parameters() if id(parameter) in head}

"""A U-Net on an encoder of timm, whose batch normalisation stays that of ImageNet."""

from __future__ import annotations

from collections.abc import Sequence

from timm.layers import freeze_batch_norm_2d
from torch import nn

from ssgnet_monai.networks.imagenet_weights import INSTALL


def pretrained_unet(
    encoder_name: str = "tu-tf_efficientnet_lite0",
    in_channels: int = 3,
    classes: int = 1,
    decoder_channels: Sequence[int] = (256, 128, 64, 32, 16),
    frozen_statistics: bool = True,
) -> nn.Module:
    """The U-Net of segmentation-models-pytorch for ``load_encoder``; its weights are random.

    A few labelled images are no sample of what normalisation will see: statistics that follow them fit the training
    images and no others. With those of ImageNet, which do not move, small batches do no harm either.

    Args:
        encoder_name: ``tu-`` and a name of ``timm.list_models()``.
        in_channels: of the images.
        classes: logits.
        decoder_channels: of the decoder's five stages, deepest first.
        frozen_statistics: the encoder's batch normalisation stays as it is loaded: means, variances, scales and shifts.
            False with an encoder that begins at random.

    Returns:
        The network, with modules ``encoder``, ``decoder`` and ``segmentation_head``.

    Raises:
        ImportError: segmentation-models-pytorch is not installed.

    Source: Ronneberger et al. 2015 (arXiv 1505.04597); Iakubovskii, segmentation_models.pytorch (MIT).
    """
    try:
        from segmentation_models_pytorch import Unet
    except ImportError as error:
        raise ImportError(
            f"Expected segmentation-models-pytorch for a pretrained U-Net, got {error}. Run: {INSTALL}"
        ) from error
    network = Unet(
        encoder_name,
        encoder_weights=None,
        decoder_channels=tuple(decoder_channels),
        in_channels=in_channels,
        classes=classes,
    )
    if frozen_statistics:
        freeze_batch_norm_2d(network.encoder)
    return network

"""Weights of a classifier in an encoder: the same features, other numbers of channels, and what does not fit."""

import pytest
import timm
import torch
from torch import nn

from ssgnet_monai.networks.pretrained_encoder import encoder_weights, load_encoder

NAME = "test_efficientnet"


class Encoder(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.name, self.model = NAME, timm.create_model(NAME, features_only=True, in_chans=channels)


class Segmenter(nn.Module):
    """What segmentation-models-pytorch makes, as far as the weights' loader looks at it."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.encoder, self.head = Encoder(channels), nn.Conv2d(1, 1, 1)


@pytest.fixture
def classifier(tmp_path):
    torch.manual_seed(0)
    network = timm.create_model(NAME).eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_()
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    return network, tmp_path / "weights.pt"


def test_the_encoder_has_the_features_of_the_classifier(classifier):
    network, file = classifier
    segmenter = Segmenter()
    head = segmenter.head.weight.clone()
    load_encoder(segmenter, file)
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        deepest = segmenter.encoder.eval().model(images)[-1]
        stages = network.blocks(network.bn1(network.conv_stem(images)))
    torch.testing.assert_close(deepest, stages)
    assert torch.equal(segmenter.head.weight, head)


def test_a_grey_image_has_the_features_of_its_three_equal_channels(classifier):
    _, file = classifier
    grey, colour = Segmenter(1), Segmenter(3)
    load_encoder(grey, file)
    load_encoder(colour, file)
    image = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        found = grey.encoder.eval().model(image)[-1]
        torch.testing.assert_close(found, colour.encoder.eval().model(image.expand(-1, 3, -1, -1))[-1])


def test_five_channels_begin_with_repeated_weights_of_equal_sum(classifier):
    network, file = classifier
    five = Segmenter(5)
    load_encoder(five, file)
    found, given = five.encoder.model.conv_stem.weight, network.conv_stem.weight
    torch.testing.assert_close(found, given[:, [0, 1, 2, 0, 1]] * 3 / 5)


def test_names_with_underscores_for_dots(classifier):
    """timm's ``FeatureListNet`` flattens stages: ``stages.0.blocks`` becomes ``stages_0.blocks``."""
    whole = timm.create_model("test_convnext").state_dict()
    body = timm.create_model("test_convnext", features_only=True)
    assert not set(body.state_dict()) <= set(whole)
    body.load_state_dict(encoder_weights(body, "test_convnext", whole, "weights.pt"))
    assert torch.equal(body.state_dict()["stages_0.blocks.0.conv_dw.weight"], whole["stages.0.blocks.0.conv_dw.weight"])


def test_what_does_not_fit_is_named(classifier):
    network, _ = classifier
    body = Segmenter().encoder.model
    good = network.state_dict()
    more = {**good, "blocks.9.0.bn1.weight": torch.zeros(1)}
    with pytest.raises(ValueError, match=r"got 1 tensors that it does not have \(blocks.9.0.bn1.weight\) and none"):
        encoder_weights(body, NAME, more, "weights.pt")
    less = {name: value for name, value in good.items() if name != "bn1.running_mean"}
    with pytest.raises(ValueError, match=r"none of the right shape for 1 \(bn1.running_mean\). Give the encoder_name"):
        encoder_weights(body, NAME, less, "weights.pt")
    other = {**good, "conv_stem.weight": torch.zeros(1, 3, 3, 3)}
    with pytest.raises(ValueError, match=r"none of the right shape for 1 \(conv_stem.weight\)"):
        encoder_weights(body, NAME, other, "weights.pt")
    uncounted = {name: value for name, value in good.items() if "num_batches_tracked" not in name}
    assert set(encoder_weights(body, NAME, uncounted, "weights.pt")) == set(body.state_dict())


def test_a_network_without_an_encoder_of_timm_is_named():
    with pytest.raises(ValueError, match=r"encoder_name: tu-.*got a Linear. Take configs/networks/unet_pretrained"):
        load_encoder(nn.Linear(1, 1), "package")

"""The U-Net on an encoder of timm: what its batch normalisation keeps, and what is said without the extra."""

import sys

import pytest
import torch

from ssgnet_monai.networks import pretrained_unet

NAME = "tu-test_efficientnet"


@pytest.fixture
def small():
    pytest.importorskip("segmentation_models_pytorch", reason="an extra (ssgnet-monai[pretrained])")
    return lambda **settings: pretrained_unet(NAME, decoder_channels=[8, 8, 4, 4, 4], **settings)


def test_the_encoder_keeps_its_statistics_while_the_decoder_follows_the_batches(small):
    torch.manual_seed(0)
    network = small().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert network(torch.rand(4, 3, 64, 64)).shape == (4, 1, 64, 64)
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith("decoder.") for name in changed)
    learning = {name for name, _ in network.named_parameters()}
    assert "encoder.model.conv_stem.weight" in learning
    assert not any(".bn" in name for name in learning if name.startswith("encoder."))
    network = small(frozen_statistics=False).train()
    before = network.encoder.model.bn1.running_mean.clone()
    network(torch.rand(4, 3, 64, 64))
    assert not torch.equal(network.encoder.model.bn1.running_mean, before)


def test_frozen_or_not_the_answer_of_the_same_weights_is_the_same(small):
    torch.manual_seed(0)
    free = small(classes=3, frozen_statistics=False).eval()
    for layer in free.encoder.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_()
    frozen = small(classes=3).eval()
    weights = {key: value for key, value in free.state_dict().items() if key in frozen.state_dict()}
    frozen.load_state_dict(weights)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(frozen(image), free(image))


def test_one_image_a_batch_is_enough_for_the_encoder(small):
    network = small().encoder.train()
    assert network(torch.rand(1, 3, 32, 32))[-1].shape[2:] == (1, 1)  # where batch normalisation has nothing to average


def test_without_the_extra_the_line_that_installs_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    with pytest.raises(ImportError, match=r'for a pretrained U-Net.*Run: pip install "ssgnet-monai\[pretrained\]"'):
        pretrained_unet(NAME)

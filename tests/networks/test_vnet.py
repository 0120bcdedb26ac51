"""V-Net: published size, keys, shapes, dropout, errors."""

import pytest
import torch

from ssgnet_monai.networks import VNet


def test_the_published_size_and_keys():
    with torch.device("meta"):
        network = VNet(width=16)
    assert sum(parameter.numel() for parameter in network.parameters()) == pytest.approx(9.45e6, abs=5e3)
    keys = list(network.state_dict())
    assert keys[0] == "block_one.conv.0.weight"
    assert {"block_four_dw.conv.0.weight", "block_five.conv.7.running_var", "block_five_up.conv.0.weight"} <= set(keys)
    assert {"block_nine.conv.0.weight", "out_conv.bias"} <= set(keys)


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_logits_have_the_size_of_the_volume(norm):
    network = VNet(in_channels=2, out_channels=3, width=4, norm=norm).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 2, 32, 16, 48)).shape == (1, 3, 32, 16, 48)


def test_every_weight_takes_part():
    network = VNet(width=4)
    network(torch.randn(2, 1, 16, 16, 16, generator=torch.Generator().manual_seed(0))).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_dropout_is_for_training():
    torch.manual_seed(0)
    network, volume = VNet(width=4, norm="instance", dropout=0.5), torch.randn(1, 1, 32, 32, 32)
    assert not torch.equal(network(volume), network(volume))
    network.eval()
    assert torch.equal(network(volume), network(volume))


@pytest.mark.parametrize("shape", [(1, 1, 16, 16, 20), (1, 1, 16, 16)])
def test_volumes_of_other_sizes(shape):
    with pytest.raises(ValueError, match=r"multiples of 16, got \(1, 1, 16.*patch_size"):
        VNet(width=4)(torch.zeros(shape))

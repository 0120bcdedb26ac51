"""ResV-Net: published size, V-Net's decoder, shapes, gradients."""

import pytest
import torch

from ssgnet_monai.networks import ResVNet, VNet


def size(network, *, beginning=""):
    return sum(value.numel() for name, value in network.named_parameters() if name.startswith(beginning))


def test_the_published_size():
    with torch.device("meta"):
        network, vnet = ResVNet(), VNet(norm="instance")
    assert size(network) == pytest.approx(17.9e6, abs=5e4)
    # The public module holds a V-Net's encoder too, which it does not use: 25.3 million parameters in all.
    decoder = {name for name in network.state_dict() if not name.startswith(("stem", "layers"))}
    unused = sum(value.numel() for name, value in vnet.state_dict().items() if name not in decoder)
    assert size(network) + unused == pytest.approx(25.3e6, abs=1e5)


def test_the_encoder_is_resnet_34():
    with torch.device("meta"):
        network = ResVNet()
    assert [len(layer) for layer in network.layers] == [3, 4, 6, 3]
    assert sum(name.split(".")[-2] in ("conv1", "conv2") for name in network.state_dict()) == 32
    assert network.stem[0].weight.shape == (16, 1, 7, 7, 7)


def test_the_decoder_is_v_nets():
    with torch.device("meta"):
        network, vnet = ResVNet(norm="batch").state_dict(), VNet().state_dict()
    shared = [name for name in vnet if name in network]
    assert "block_five_up.conv.0.weight" in shared
    assert "out_conv.bias" in shared
    assert {name: network[name].shape for name in shared} == {name: vnet[name].shape for name in shared}
    assert not [name for name in network if name not in vnet and not name.startswith(("stem.", "layers."))]


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_logits_have_the_size_of_the_volume(norm):
    network = ResVNet(in_channels=2, out_channels=3, width=4, norm=norm).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 2, 32, 16, 48)).shape == (1, 3, 32, 16, 48)


def test_every_weight_takes_part():
    network = ResVNet(width=2)
    network(torch.randn(1, 1, 32, 32, 32, generator=torch.Generator().manual_seed(0))).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_volumes_of_other_sizes():
    with pytest.raises(ValueError, match=r"multiples of 16, got \(1, 1, 16, 16, 20\)"):
        ResVNet(width=2)(torch.zeros(1, 1, 16, 16, 20))

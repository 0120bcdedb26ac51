import pytest
import torch
from monai.networks.nets import UNet

from ssgnet_monai.engines import PaddedInferer
from ssgnet_monai.networks import VMUNet


@pytest.mark.parametrize("size", [(32, 64), (33, 40), (1, 95)])
def test_the_network_sees_the_image_with_repeated_borders_and_the_output_has_its_size(size):
    image, seen = torch.rand(2, 3, *size), []
    output = PaddedInferer(32)(image, lambda x: seen.append(x) or x * 2)
    assert torch.equal(output, image * 2)
    (padded,) = seen
    assert padded.shape[2] % 32 == padded.shape[3] % 32 == 0
    assert padded.shape[2] - size[0] < 32 > padded.shape[3] - size[1]
    assert torch.equal(padded[..., : size[0], : size[1]], image)
    assert torch.equal(padded[:, :, -1, -1], image[:, :, -1, -1])
    assert (padded is image) == (size == (32, 64))


@pytest.mark.parametrize(
    "network",
    [
        VMUNet(depths=(1, 1, 1, 1), depths_decoder=(1, 1, 1, 1), dims=(4, 8, 16, 32), d_state=1),
        UNet(spatial_dims=2, in_channels=3, out_channels=1, channels=[2, 4, 8], strides=[2, 2]),
    ],
    ids=["VMUNet", "UNet"],
)
def test_networks_that_refuse_a_size_take_it_padded(network):
    image = torch.rand(1, 3, 37, 50)
    with pytest.raises((ValueError, RuntimeError)):
        network(image)
    assert PaddedInferer()(image, network).shape == (1, 1, 37, 50)


def test_gradients_reach_the_weights_through_the_crop():
    convolution = torch.nn.Conv2d(1, 1, 1)
    PaddedInferer(8)(torch.rand(1, 1, 5, 5), convolution).sum().backward()
    assert convolution.bias.grad.item() == 25


def test_a_multiple_below_one_is_refused():
    with pytest.raises(ValueError, match="multiple of at least 1, got 0"):
        PaddedInferer(0)

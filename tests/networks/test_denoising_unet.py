"""Published sizes, shapes, the diffusion step's influence, errors."""

import pytest
import torch

from ssgnet_monai.networks import DenoisingUNet


@pytest.mark.parametrize(("spatial_dims", "in_channels", "millions"), [(2, 5, 7.4), (3, 3, 26.7)])
def test_the_published_sizes(spatial_dims, in_channels, millions):
    with torch.device("meta"):
        network = DenoisingUNet(spatial_dims, in_channels, 2, width=64)
    assert sum(parameter.numel() for parameter in network.parameters()) == pytest.approx(millions * 1e6, abs=5e4)


@pytest.mark.parametrize("sides", [(32, 48), (16, 32, 48)])
def test_every_weight_takes_part_and_the_size_stays(sides):
    torch.manual_seed(0)
    network = DenoisingUNet(len(sides), 3, 2, width=4)
    found = network(torch.randn(2, 3, *sides), torch.tensor([0, 999]))
    assert found.shape == (2, 2, *sides)
    found.square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_the_step_is_told_and_is_each_samples_own():
    torch.manual_seed(0)
    network, image = DenoisingUNet(2, 3, 2, width=8).eval(), torch.randn(1, 3, 16, 16).expand(2, -1, -1, -1)
    with torch.no_grad():
        early, late = network(image, torch.tensor([0, 999]))
        assert (early - late).abs().max() > 1e-4
        torch.testing.assert_close(network(image[:1], torch.tensor([999]))[0], late)


def test_only_weights_are_saved():
    assert not [key for key in DenoisingUNet(width=2).state_dict() if "frequencies" in key]


@pytest.mark.parametrize("shape", [(1, 5, 16, 20), (1, 5, 16, 16, 16)])
def test_images_of_other_sizes(shape):
    with pytest.raises(ValueError, match=r"2 dimensions with sides in multiples of 16, got \(1, 5, 16.*size_multiple"):
        DenoisingUNet(width=2)(torch.zeros(shape), torch.zeros(1))


@pytest.mark.parametrize(("spatial_dims", "width"), [(4, 8), (2, 3), (2, 0)])
def test_settings_that_make_no_network(spatial_dims, width):
    with pytest.raises(ValueError, match=f"2 or 3 spatial_dims and an even width, got {spatial_dims} and {width}"):
        DenoisingUNet(spatial_dims, width=width)

"""Whole volumes through windows."""

import pytest
import torch

from ssgnet_monai.engines import PaddedInferer, WindowInferer


class Identity(torch.nn.Module):
    def __init__(self, multiple=4):
        super().__init__()
        self.multiple, self.seen = multiple, []

    def forward(self, x):
        self.seen.append(tuple(x.shape))
        assert all(side % self.multiple == 0 for side in x.shape[2:])
        return x


@pytest.mark.parametrize("shape", [(20, 17, 9), (8, 8, 8), (5, 20, 3)])
def test_windows_are_put_together_in_their_places(shape):
    volume, network = torch.randn(1, 2, *shape), Identity()
    inferer = WindowInferer([8, 8, 8], overlap=0.5, sw_batch_size=3)
    torch.testing.assert_close(inferer(volume, network), volume, atol=1e-5, rtol=1e-5)
    assert max(seen[0] for seen in network.seen) <= 3


def test_windows_of_other_sides_than_the_networks_are_padded():
    volume = torch.randn(1, 1, 12, 11, 10)
    inferer = WindowInferer([6, 6, 5], window_inferer=PaddedInferer(multiple=4, spatial_dims=3))
    torch.testing.assert_close(inferer(volume, Identity()), volume, atol=1e-5, rtol=1e-5)


def test_networks_of_several_outputs_give_that_of_full_size():
    class Deep(torch.nn.Module):
        def forward(self, x):
            return [x[..., ::2, ::2, ::2], 2 * x]

    volume = torch.randn(1, 1, 8, 8, 8)
    found = WindowInferer([8, 8, 8], window_inferer=PaddedInferer(4, spatial_dims=3))(volume, Deep())
    torch.testing.assert_close(found, 2 * volume)


def test_patches_are_padded_at_the_far_ends_and_cut_back():
    patch, network = torch.randn(2, 1, 5, 8, 3), Identity()
    torch.testing.assert_close(PaddedInferer(4, spatial_dims=3)(patch, network), patch)
    assert network.seen == [(2, 1, 8, 8, 4)]

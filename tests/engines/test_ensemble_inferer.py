"""The mean of several networks, by hand."""

import pytest
import torch
from monai.inferers import SimpleInferer

from ssgnet_monai.data.label_space import decide, to_probabilities
from ssgnet_monai.engines.ensemble_inferer import EnsembleInferer
from ssgnet_monai.engines.window_inferer import WindowInferer


class Fixed(torch.nn.Module):
    def __init__(self, *probabilities):
        super().__init__()
        p = torch.tensor(probabilities)
        self.logits = p.logit() if len(p) == 1 else p.log()

    def forward(self, images):
        return self.logits.view(1, -1, *[1] * (images.ndim - 2)).expand(len(images), -1, *images.shape[2:])


def mean(inferer, images, *networks):
    return EnsembleInferer(inferer)(images, torch.nn.ModuleList(networks))


def test_the_mean_is_one_of_probabilities_not_of_logits():
    images = torch.zeros(2, 3, 4, 4)
    one = mean(SimpleInferer(), images, Fixed(0.9999), Fixed(0.2))
    assert one.shape == (2, 1, 4, 4)
    assert to_probabilities(one)[:, 1] == pytest.approx(0.59995, abs=1e-6)
    several = mean(SimpleInferer(), images, Fixed(0.5, 0.3, 0.2), Fixed(0.1, 0.1, 0.8))
    assert several.shape == (2, 3, 4, 4)
    assert to_probabilities(several)[0, :, 0, 0].tolist() == pytest.approx([0.3, 0.2, 0.5])


@pytest.mark.parametrize("certain", [(1.0,), (0.0, 1.0)])
def test_certain_networks_are_no_nan(certain):
    found = mean(SimpleInferer(), torch.zeros(1, 1, 2, 2), Fixed(*certain), Fixed(*certain))
    assert decide(to_probabilities(found)).tolist() == [[[[1, 1], [1, 1]]]]


def test_windows_are_put_together_before_the_mean():
    class Cubed(torch.nn.Module):
        def forward(self, volumes):
            return volumes**3

    inferer, volume = WindowInferer([4, 4, 4], overlap=0.5), torch.randn(1, 1, 6, 4, 4)
    parts = [to_probabilities(inferer(volume, network)) for network in (Cubed(), torch.nn.Identity())]
    found = to_probabilities(mean(inferer, volume, Cubed(), torch.nn.Identity()))
    torch.testing.assert_close(found, (parts[0] + parts[1]) / 2, rtol=0, atol=1e-6)

"""The image pathway: its error, the image it makes again, steps, mask codes."""

import pytest
import torch
from torch import nn

from ssgnet_monai.networks import DiffusionReconstructor, DiffusionSegmenter, VNet


def small(image_t_range="full", mask_code="softmax", **settings):
    torch.manual_seed(0)
    segmenter = DiffusionSegmenter(in_channels=1, width=4, **settings)
    return DiffusionReconstructor(segmenter, image_t_range, mask_code)


class Oracle(nn.Module):
    """Knows the image, and gives the noise that is in its input, with an error."""

    def __init__(self, network, image, error):
        super().__init__()
        self.network, self.image, self.error, self.seen = [network], image, error, []

    def forward(self, inputs, times):
        self.seen.append((inputs, times))
        alphas = self.network[0].alphas[times].reshape(-1, 1, 1, 1)
        return (inputs[:, :1] - alphas.sqrt() * self.image) / (1 - alphas).sqrt() + self.error


def test_noise_that_is_known_gives_the_image_back():
    network, images = small(schedule="linear", timesteps=20), torch.rand(6, 1, 16, 16) * 2 - 1
    network.denoiser = Oracle(network, images, 0.0)
    errors, again = network(images, torch.zeros(6, 2, 16, 16))
    torch.testing.assert_close(errors, torch.zeros(6), atol=1e-6, rtol=0)
    torch.testing.assert_close(again, images, atol=2e-3, rtol=0)
    network.denoiser = Oracle(network, images, 0.5)
    errors, again = network(images, torch.zeros(6, 2, 16, 16))
    torch.testing.assert_close(errors, torch.full((6,), 0.25))
    assert again.abs().max() <= 1


def test_gradients_reach_the_mask_but_not_by_the_image():
    network, logits = small(), torch.randn(2, 2, 16, 16, requires_grad=True)
    errors, again = network(torch.rand(2, 1, 16, 16), logits)
    assert errors.shape == (2,)
    assert not again.requires_grad
    errors.sum().backward()
    assert logits.grad.abs().sum() > 0
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize(("image_t_range", "first"), [("full", 0), ("upper", 500)])
def test_the_steps_that_are_drawn(image_t_range, first):
    network, images = small(image_t_range=image_t_range), torch.zeros(400, 1, 16, 16)
    network.denoiser = Oracle(network, images, 0.0)
    network(images, torch.zeros(400, 2, 16, 16))
    ((_, times),) = network.denoiser.seen
    assert first <= times.min() < first + 20
    assert times.max() > 980


@pytest.mark.parametrize(("code", "expected"), [("softmax", 2 * torch.tensor(3.0).sigmoid() - 1), ("raw", 3.0)])
def test_how_the_mask_is_told(code, expected):
    network, images = small(mask_code=code), torch.zeros(1, 1, 16, 16)
    network.denoiser = Oracle(network, images, 0.0)
    network(images, torch.tensor([0.0, 3.0]).reshape(1, 2, 1, 1).expand(1, 2, 16, 16))
    ((inputs, _),) = network.denoiser.seen
    torch.testing.assert_close(inputs[:, 2], torch.full((1, 16, 16), float(expected)))


@pytest.mark.parametrize("settings", [{"image_t_range": "late"}, {"mask_code": "hard"}])
def test_words_that_are_not_known(settings):
    ((name, word),) = settings.items()
    with pytest.raises(ValueError, match=f"Expected {name} .* or .*, got '{word}'"):
        small(**settings)


def test_it_has_the_sizes_of_its_mask_pathway_and_weights_of_its_own():
    segmenter = DiffusionSegmenter(3, 2, out_channels=4, width=4, schedule="cosine", timesteps=30)
    network = DiffusionReconstructor(segmenter)
    errors, again = network(torch.rand(2, 2, 16, 16, 16), torch.zeros(2, 4, 16, 16, 16))
    assert (errors.shape, again.shape) == ((2,), (2, 2, 16, 16, 16))
    assert torch.equal(network.alphas, segmenter.alphas)
    assert not {*map(id, network.parameters())} & {*map(id, segmenter.parameters())}


def test_beside_another_network():
    with pytest.raises(TypeError, match="Expected a DiffusionSegmenter as network, got VNet.*diffusion_segmenter.yaml"):
        DiffusionReconstructor(VNet(width=2))

"""Noise of numbered places: its distribution, its independence, and what it leaves alone."""

import pytest
import torch

from ssgnet_monai.ops.counter_noise import counter_noise

NUMBER = 2**18


def test_it_is_standard_normal():
    noise = counter_noise(torch.arange(NUMBER)).double()
    assert noise.mean().item() == pytest.approx(0, abs=0.01)
    assert noise.var().item() == pytest.approx(1, abs=0.02)
    assert noise.pow(4).mean().item() == pytest.approx(3, abs=0.1)
    expected = torch.special.ndtr(noise.sort().values)
    assert (expected - torch.arange(1, NUMBER + 1) / NUMBER).abs().max() < 1.63 / NUMBER**0.5  # Kolmogorov, 1 %


@pytest.mark.parametrize("distance", [1, 2, 64, 256, 4096])
def test_neighbours_and_seeds_have_nothing_in_common(distance):
    noise, other = (counter_noise(torch.arange(NUMBER), seed) for seed in (0, distance))
    for values in (noise, noise.square() - 1):
        assert (values[distance:] * values[:-distance]).mean().abs() < 5 * 2 / NUMBER**0.5
    assert (noise * other).mean().abs() < 5 / NUMBER**0.5


def test_a_place_has_its_noise_wherever_it_stands():
    places = torch.tensor([[7, 3], [2**31 - 2, 7]])
    noise = counter_noise(places, seed=5)
    assert noise[0, 0] == noise[1, 1]
    assert torch.equal(counter_noise(places.flip(0), seed=5), noise.flip(0))
    assert torch.isfinite(noise).all()


def test_torchs_generator_is_neither_read_nor_moved():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    noise = counter_noise(torch.arange(10))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(counter_noise(torch.arange(10)), noise)

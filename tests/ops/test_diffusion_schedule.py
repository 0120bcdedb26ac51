"""Schedules against published and MONAI's numbers, the identities, the way back."""

import pytest
import torch
from monai.networks.schedulers import NoiseSchedules

from ssgnet_monai.ops.diffusion_schedule import (
    SCHEDULES,
    add_noise,
    alphas_cumprod,
    clean_from_noise,
    ddim_times,
    noise_from_clean,
)


def test_the_sigmoid_schedule_has_its_known_numbers():
    alphas = alphas_cumprod("sigmoid", 1000)
    known = {0: 0.9997, 100: 0.960, 250: 0.850, 500: 0.498, 750: 0.148, 900: 0.039, 950: 0.017, 990: 0.0028, 999: 3e-7}
    for step, value in known.items():
        assert alphas[step].item() == pytest.approx(value, rel=0.02), step
    assert (alphas < 0.1).float().mean().item() == pytest.approx(0.195, abs=5e-4)
    assert (alphas_cumprod("linear", 1000) < 0.1).float().mean().item() == pytest.approx(0.525, abs=5e-4)


def test_linear_and_cosine_are_those_of_monai():
    torch.testing.assert_close(alphas_cumprod("linear"), (1 - NoiseSchedules["linear_beta"](1000)).cumprod(0))
    *_, cosine = NoiseSchedules["cosine"](1000)
    torch.testing.assert_close(alphas_cumprod("cosine")[:-1], cosine[:-1], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("timesteps", [50, 1000])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_falls_from_signal_to_noise(schedule, timesteps):
    alphas = alphas_cumprod(schedule, timesteps)
    assert alphas.shape == (timesteps,)
    assert alphas[0] > 0.99
    assert alphas[-1] < 1e-4
    assert (alphas.diff() < 0).all()


def test_signal_and_noise_are_found_again():
    alphas = torch.tensor([0.25, 0.9])
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 2, 3, 4, 5, generator=generator)
    noised = add_noise(clean, noise, alphas)
    torch.testing.assert_close(noised[0], 0.5 * clean[0] + 0.75**0.5 * noise[0])
    torch.testing.assert_close(clean_from_noise(noised, noise, alphas), clean)
    torch.testing.assert_close(noise_from_clean(noised, clean, alphas), noise)
    wrong = noise + 0.1
    error = clean_from_noise(noised, wrong, alphas) - clean
    torch.testing.assert_close(error.square()[:, 0, 0, 0], (1 - alphas) / alphas * 0.01)


def test_the_way_back_begins_at_the_last_step():
    assert ddim_times(1000, 4) == [999, 749, 499, 249]
    assert ddim_times(10, 10) == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert ddim_times(1000, 1) == [999]


def test_what_is_no_schedule():
    with pytest.raises(ValueError, match="sigmoid, linear, cosine.*got 'square' with 10"):
        alphas_cumprod("square", 10)
    with pytest.raises(ValueError, match="at least one timestep, got 'linear' with 0"):
        alphas_cumprod("linear", 0)
    for steps in (0, 11):
        with pytest.raises(ValueError, match=f"1 to 10 steps.*got {steps}"):
            ddim_times(10, steps)

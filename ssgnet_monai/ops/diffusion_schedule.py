"""How much of a signal is left at each step of a diffusion, and the identities between signal, noise and their mixture.

MONAI's ``monai.networks.schedulers`` have the same cosine and linear schedules (tests compare), but a sigmoid of other
form, and a DDIM whose first step is not the last of the diffusion. These are plain tensor functions, which TorchScript
and ONNX take.
"""

from __future__ import annotations

import math

import torch

SCHEDULES = ("sigmoid", "linear", "cosine")
_STEEPNESS = 3.0  # the sigmoid runs from -3 to 3
_OFFSET = 0.008
_BETAS = (1e-4, 0.02)  # of 1000 steps
_LARGEST_BETA = 0.999


def alphas_cumprod(schedule: str = "sigmoid", timesteps: int = 1000) -> torch.Tensor:
    """The share of the signal's variance that is left after each step.

    Args:
        schedule: "sigmoid", "linear" (of the noise added a step) or "cosine".
        timesteps: T, at least 1.

    Returns:
        (T,) float32, falling from nearly 1 to nearly 0.

    Raises:
        ValueError: an unknown schedule, or no step.

    Source: Jabri et al. 2022 (arXiv 2212.11972), sigmoid of -3 to 3 with temperature 1; Ho et al. 2020 (arXiv
        2006.11239), section 4; Nichol & Dhariwal 2021 (arXiv 2102.09672), Eq. 17 and section 3.2.
    """
    if schedule not in SCHEDULES or timesteps < 1:
        raise ValueError(
            f"Expected a schedule of {', '.join(SCHEDULES)} with at least one timestep, got {schedule!r} with "
            f"{timesteps}."
        )
    if schedule == "linear":
        betas = torch.linspace(*_BETAS, timesteps, dtype=torch.float64) * (1000 / timesteps)
    else:
        time = torch.arange(timesteps + 1, dtype=torch.float64) / timesteps
        if schedule == "sigmoid":
            left = torch.sigmoid(time.new_tensor(_STEEPNESS)) - torch.sigmoid(_STEEPNESS * (2 * time - 1))
        else:
            left = torch.cos((time + _OFFSET) / (1 + _OFFSET) * (math.pi / 2)).square()
        betas = 1 - left[1:] / left[:-1]
    return (1 - betas.clamp(max=_LARGEST_BETA)).cumprod(0).float()


def add_noise(clean: torch.Tensor, noise: torch.Tensor, alphas: torch.Tensor) -> torch.Tensor:
    """The mixture ``sqrt(a) clean + sqrt(1 - a) noise``.

    Args:
        clean: (B, ...) float, the signal.
        noise: of that shape, standard normal.
        alphas: (B,) or (1,), shares a of ``alphas_cumprod``.

    Source: Ho et al. 2020 (arXiv 2006.11239), Eq. 4.
    """
    share = _spread(alphas, clean)
    return share.sqrt() * clean + (1 - share).sqrt() * noise


def clean_from_noise(noised: torch.Tensor, noise: torch.Tensor, alphas: torch.Tensor) -> torch.Tensor:
    """The signal in a mixture of ``add_noise`` whose noise is known; shapes as there.

    An error in the noise counts sqrt((1 - a) / a) times in the signal.
    """
    share = _spread(alphas, noised)
    return (noised - (1 - share).sqrt() * noise) / share.sqrt()


def noise_from_clean(noised: torch.Tensor, clean: torch.Tensor, alphas: torch.Tensor) -> torch.Tensor:
    """The noise in a mixture of ``add_noise`` whose signal is known; shapes as there."""
    share = _spread(alphas, noised)
    return (noised - share.sqrt() * clean) / (1 - share).sqrt()


def ddim_times(timesteps: int, steps: int) -> list[int]:
    """The steps of a short way back, evenly spaced: T - 1, where all is noise, comes first.

    Args:
        timesteps: T of the schedule.
        steps: of the way back, 1 to T.

    Raises:
        ValueError: no step, or more than there are.

    Source: Song et al. 2020 (arXiv 2010.02502), section 4.2; from T - 1 on as Lin et al. 2023 (arXiv 2305.08891).
    """
    if steps < 1 or steps > timesteps:
        raise ValueError(f"Expected 1 to {timesteps} steps (the schedule's timesteps), got {steps}.")
    return [timesteps - 1 - i * timesteps // steps for i in range(steps)]


def _spread(alphas: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return alphas.reshape([-1] + [1] * (like.dim() - 1))

"""Random brightness, contrast, gamma and colour of a whole batch, whatever the scale of its values."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ssgnet_monai.transforms.ada import colour_map
from ssgnet_monai.transforms.augmentation_draws import (
    check_bounds,
    check_probabilities,
    check_strengths,
    log_uniform,
    uniform,
)

TINY = 1e-12


class BatchIntensity:
    """Changes the values of images, each image by its own draws.

    Brightness counts in standard deviations of the image, contrast is about its mean and gamma acts between its least
    and greatest value, so images that are z-scored, in [0, 1] or normalised for ImageNet are changed alike. Draws come
    from torch's default generator on the CPU (seed it per step).

    Args:
        prob: probability that an image's brightness, contrast, saturation and hue change, in [0, 1].
        brightness: largest added value, standard deviations of the image.
        contrast: the factor is between 1 / (1 + contrast) and 1 + contrast.
        channels: where there are several, as ``brightness`` and ``contrast``, for each channel by itself.
        saturation: of pictures with three channels: the factor is between 1 / (1 + saturation) and 1 + saturation.
        hue: of pictures with three channels: largest rotation about the grey axis, 1 = a full turn.
        gamma: [low, high] of the exponent; the image's mean and standard deviation are kept.
        gamma_prob: probability of a gamma change, in [0, 1].

    Raises:
        ValueError: a setting is outside its range.

    Source: UniMatch (Yang et al. 2023) and ST++ (Yang et al. 2022), colour jitter of .5 with p .8, here with less hue,
        whose change is another finding in medicine; nnU-Net (Isensee et al. 2021), gamma .7 to 1.5 with p .3.
    """

    def __init__(
        self,
        prob: float = 0.8,
        brightness: float = 0.5,
        contrast: float = 0.5,
        channels: float = 0.1,
        saturation: float = 0.5,
        hue: float = 0.05,
        gamma: Sequence[float] = (0.7, 1.5),
        gamma_prob: float = 0.3,
    ) -> None:
        check_probabilities(prob=prob, gamma_prob=gamma_prob)
        check_strengths(brightness=brightness, contrast=contrast, channels=channels, saturation=saturation, hue=hue)
        check_bounds(gamma=gamma)
        self.prob, self.gamma, self.gamma_prob = prob, gamma, gamma_prob
        self.brightness, self.contrast, self.channels = brightness, contrast, channels
        self.saturation, self.hue = saturation, hue

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Change images (B, C, H, W) or (B, C, X, Y, Z), float; returns new ones."""
        n, channels = images.shape[:2]
        u = uniform(n, 7 + 2 * channels)
        rows = (u[:, 0] < self.gamma_prob).nonzero()[:, 0]
        if len(rows):
            images = self._bend(images, rows, log_uniform(u[rows, 1], self.gamma))
        # Between -1 and 1, and 0 for an image that stays.
        v = (2 * u - 1) * (u[:, 2:3] < self.prob)
        return self._map(images, v[:, 3:7], v[:, 7 : 7 + channels], v[:, 7 + channels :])

    def _bend(self, images: torch.Tensor, rows: torch.Tensor, exponents: torch.Tensor) -> torch.Tensor:
        rows = rows.to(images.device)
        values = images[rows].flatten(1)
        low, high = values.amin(1, keepdim=True), values.amax(1, keepdim=True)
        mean, std = mean_and_std(values)
        # A power by its logarithm, in place: several times as fast on a CPU.
        values.sub_(low).div_((high - low).clamp_min(TINY)).log_().mul_(exponents.to(images.device)[:, None]).exp_()
        bent_mean, bent_std = mean_and_std(values)
        values.sub_(bent_mean).mul_(std / bent_std.clamp_min(TINY)).add_(mean)
        return images.index_copy(0, rows, values.view(-1, *images.shape[1:]))

    def _map(self, images: torch.Tensor, v: torch.Tensor, gains: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
        """Affine map of each image's channels about its mean."""
        device, channels = images.device, images.shape[1]
        strength = self.channels if channels > 1 else 0.0
        gain = (1 + self.contrast) ** v[:, :1] * (1 + strength) ** gains
        matrix, shift = torch.diag_embed(gain), self.brightness * v[:, 1:2] + strength * shifts
        if channels == 3 and images.ndim == 4:
            turn = {"hue": v[:, 2] * self.hue * 2 * torch.pi, "saturation": (1 + self.saturation) ** v[:, 3]}
            matrix = colour_map(turn)[0] @ matrix
        matrix, shift = matrix.to(device), shift.to(device)[:, :, None]
        mean, std = (value[:, :, None] for value in mean_and_std(images.flatten(1)))
        offset = shift * std + mean - matrix.sum(2, keepdim=True) * mean
        return torch.baddbmm(offset, matrix, images.flatten(2)).view_as(images)


def mean_and_std(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation, (n, 1) each, of rows (n, k); many times as fast on a CPU as ``torch.std_mean``."""
    mean = values.mean(1, keepdim=True)
    return mean, (values - mean).square().mean(1, keepdim=True).sqrt()

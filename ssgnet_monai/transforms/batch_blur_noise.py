"""Random Gaussian blur and noise of a whole batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn import functional

from ssgnet_monai.ops.ranks import num_ranks, rank
from ssgnet_monai.transforms.augmentation_draws import (
    check_bounds,
    check_probabilities,
    check_strengths,
    log_uniform,
    uniform,
)
from ssgnet_monai.transforms.batch_intensity import mean_and_std


class BatchBlurNoise:
    """Blurs some images and adds noise to some, each by its own draws, from torch's default generator on the CPU.

    Args:
        blur_prob: probability of a blur, in [0, 1].
        sigma: [low, high] of the Gaussian's standard deviation, pixels or voxels.
        noise_prob: probability of noise, in [0, 1].
        noise: largest standard deviation of the noise, standard deviations of the image.

    Raises:
        ValueError: a setting is outside its range.

    Source: nnU-Net (Isensee et al. 2021): blur with sigma .5 to 1 and p .2, noise of variance up to .1 with p .1;
        UniMatch (Yang et al. 2023): blur with sigma .1 to 2 and p .5.
    """

    def __init__(
        self,
        blur_prob: float = 0.3,
        sigma: Sequence[float] = (0.5, 1.5),
        noise_prob: float = 0.2,
        noise: float = 0.2,
    ) -> None:
        check_probabilities(blur_prob=blur_prob, noise_prob=noise_prob)
        check_bounds(sigma=sigma)
        check_strengths(noise=noise)
        self.blur_prob, self.sigma, self.noise_prob, self.noise = blur_prob, sigma, noise_prob, noise

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Change images (B, C, H, W) or (B, C, X, Y, Z), float; returns new ones, or these where none was drawn."""
        u = uniform(len(images), 2)
        rows = (u[:, 0] < self.blur_prob).nonzero()[:, 0]
        if len(rows):
            sigmas, rows = log_uniform(u[rows, 1], self.sigma).to(images.device), rows.to(images.device)
            images = images.index_copy(0, rows, gaussian_blur(images[rows], sigmas, math.ceil(3 * self.sigma[1])))
        return self._with_noise(images)

    def _with_noise(self, images: torch.Tensor) -> torch.Tensor:
        """Noise is drawn for the images of all ranks that get some, so that a rank's are those of one process."""
        u = torch.rand(len(images) * num_ranks(), 2)
        chosen = (u[:, 0] < self.noise_prob).nonzero()[:, 0]
        noise = torch.randn(len(chosen), *images.shape[1:]) * self.noise
        mine = chosen % num_ranks() == rank()
        if not mine.any():
            return images
        rows = (chosen[mine] // num_ranks()).to(images.device)
        picked = images[rows]
        per_image = (-1, *[1] * (images.ndim - 1))
        std = mean_and_std(picked.flatten(1))[1][:, 0] * u[chosen[mine], 1].to(images.device)
        return images.index_copy(0, rows, picked + noise[mine].to(images.device) * std.view(per_image))


def gaussian_blur(images: torch.Tensor, sigmas: torch.Tensor, radius: int) -> torch.Tensor:
    """Blur every image by its own Gaussian, axis by axis, in one convolution each; the border is repeated.

    Args:
        images: (B, C, H, W) or (B, C, X, Y, Z) float.
        sigmas: (B,) standard deviations, pixels.
        radius: of the kernel, pixels.

    Returns:
        As ``images``.
    """
    n = len(images)
    steps = torch.arange(-radius, radius + 1, device=images.device)
    kernels = torch.softmax(-0.5 * (steps / sigmas[:, None]) ** 2, dim=1).to(images.dtype)
    for axis in range(2, images.ndim):
        lines = images.movedim(axis, -1).transpose(0, 1)
        rows = functional.pad(
            lines.reshape(lines.shape[0], n, -1, lines.shape[-1]), (radius, radius, 0, 0), "replicate"
        )
        blurred = functional.conv2d(rows, kernels[:, None, None, :], groups=n)
        images = blurred.view(lines.shape).transpose(0, 1).movedim(-1, axis)
    return images

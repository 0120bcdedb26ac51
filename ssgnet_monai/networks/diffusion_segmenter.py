"""The mask pathway of a diffusion model as an ordinary segmenter: image in, logits out."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from ssgnet_monai.networks.denoising_unet import DenoisingUNet
from ssgnet_monai.ops.counter_noise import counter_noise
from ssgnet_monai.ops.diffusion_schedule import add_noise, alphas_cumprod, ddim_times, noise_from_clean
from ssgnet_monai.ops.ranks import num_ranks, shard

MODES = ("faithful", "denoising")


class DiffusionSegmenter(nn.Module):
    """Predicts the clean mask from a noisy one and the image.

    A mask is coded by one channel a class, +1 where a pixel is of the class and -1 elsewhere. *Faithful* to the
    authors' code, the mask that gets the noise is always background, so that the network learns masks from images under
    noise; *denoising*, it is the mask that is sought, as in a denoising diffusion model, and masks are refined step by
    step.

    In training mode a call draws steps and noise from torch's generator. In evaluation mode it draws nothing: the step
    is the last one, the noise a function of its place in the image, and the answer the mean probability of ``noises``
    draws, one after the other, for the memory of one; the same image has the same answer in every batch, on every
    device and in an export.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        out_channels: logits a pixel: one a class, or 1 for two classes, which have two channels inside.
        width: of ``DenoisingUNet``.
        mode: "faithful" or "denoising".
        schedule: of ``alphas_cumprod``.
        timesteps: T, likewise.
        noises: draws that an answer is the mean of, at least 1.
        ddim_steps: of the way back in the mode "denoising", 1 to T.
        seed: of the noise in evaluation mode.

    Raises:
        ValueError: an unknown mode or schedule, or a number out of range.

    Source: Ciampi et al. 2025 (arXiv 2504.01547); Song et al. 2020 (arXiv 2010.02502), Eq. 12 with sigma 0.
    """

    alphas: torch.Tensor
    background: torch.Tensor

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 3,
        out_channels: int = 1,
        width: int = 64,
        mode: str = "faithful",
        schedule: str = "sigmoid",
        timesteps: int = 1000,
        noises: int = 8,
        ddim_steps: int = 10,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if mode not in MODES or noises < 1:
            raise ValueError(f"Expected mode {' or '.join(MODES)} with at least one of noises, got {mode!r}, {noises}.")
        self.mode, self.noises, self.seed = mode, noises, seed
        self.timesteps, self.in_channels, self.out_channels = timesteps, in_channels, out_channels
        self.times = ddim_times(timesteps, ddim_steps if mode == "denoising" else 1)
        self.num_classes = max(2, out_channels)
        self.denoiser = DenoisingUNet(spatial_dims, self.num_classes + in_channels, self.num_classes, width)
        self.register_buffer("alphas", alphas_cumprod(schedule, timesteps), persistent=False)
        self.register_buffer("background", torch.tensor([1.0] + [-1.0] * (self.num_classes - 1)), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Segment images.

        Args:
            images: (B, in_channels, ...) float, about in [-1, 1], sides that are multiples of 16.

        Returns:
            Logits (B, out_channels, ...); in evaluation mode logarithms of mean probabilities, or of two classes their
            difference.
        """
        logits = self.class_logits(images) if self.training else self.mean_logits(images)
        return logits if self.out_channels > 1 else logits[:, 1:] - logits[:, :1]

    def class_logits(self, images: torch.Tensor, masks: torch.Tensor | None = None) -> torch.Tensor:
        """One draw of noise at random steps, as training wants it.

        Args:
            images: as in ``forward``.
            masks: (B, K, ...) codes that get the noise; None: background, or in the mode "denoising" the last step,
                where nothing of a mask is left.

        Returns:
            Logits (B, K, ...) of all classes, with gradient.
        """
        batch, ranks = len(images), num_ranks()
        times = shard(torch.randint(self.timesteps, (batch * ranks,), device=images.device))
        noise = shard(torch.randn(batch * ranks, self.num_classes, *images.shape[2:], device=images.device))
        if masks is None:
            masks = self._background(noise)
            times = times if self.mode == "faithful" else torch.full_like(times, self.timesteps - 1)
        noised = add_noise(masks, noise, self.alphas[times])
        return self.denoiser(torch.cat([noised.to(images.dtype), images], dim=1), times)

    def mean_logits(self, images: torch.Tensor, noises: int | None = None, steps: int | None = None) -> torch.Tensor:
        """The answer of evaluation mode: a function of the image alone.

        Args:
            images: as in ``forward``.
            noises: draws in place of the network's ``noises``.
            steps: of the way back in place of its ``ddim_steps``.

        Returns:
            (B, K, ...) logarithms of the mean probabilities.
        """
        noises = self.noises if noises is None else noises
        times = self.times if steps is None else ddim_times(self.timesteps, steps)
        drawn = [self._way_back(images, noise, times) for noise in self._noise(images, noises).unbind()]
        return torch.stack(drawn).log_softmax(2).logsumexp(0) - math.log(noises)

    def _way_back(self, images: torch.Tensor, noise: torch.Tensor, times: list[int]) -> torch.Tensor:
        """Logits (B, K, ...) at the end of the way back from one draw of noise (K, ...)."""
        noised = noise.unsqueeze(0).expand(images.shape[0], *noise.shape)
        if self.mode == "faithful":
            noised = add_noise(self._background(noised), noised, self.alphas[times[0]])
        logits = noised
        for time, later in zip(times, [*times[1:], None], strict=True):
            inputs = torch.cat([noised.to(images.dtype), images], dim=1)
            logits = self.denoiser(inputs, torch.full_like(inputs[:, 0].flatten(1)[:, 0], time)).float()
            if later is not None:
                masks = mask_code(logits)
                noised = add_noise(masks, noise_from_clean(noised, masks, self.alphas[time]), self.alphas[later])
        return logits

    def _noise(self, images: torch.Tensor, noises: int) -> torch.Tensor:
        """(noises, K, ...), the same for every image."""
        pixels = torch.ones_like(images[0, 0], dtype=torch.int64)
        places = pixels.flatten().cumsum(0).reshape(pixels.shape) - 1
        planes = [places + number * pixels.sum() for number in range(noises * self.num_classes)]
        return counter_noise(torch.stack(planes), self.seed).unflatten(0, (noises, self.num_classes))

    def _background(self, like: torch.Tensor) -> torch.Tensor:
        return self.background.reshape((1, -1) + (1,) * (like.ndim - 2)).expand_as(like)


def mask_code(logits: torch.Tensor) -> torch.Tensor:
    """The code of a soft mask: probabilities of the logits (B, K, ...), stretched from [0, 1] to [-1, 1]."""
    return 2 * logits.softmax(1) - 1


def hard_mask_code(classes: torch.Tensor, num_classes: int) -> torch.Tensor:
    """The code of a mask, which tells nothing of a pixel (0 for every class) that is of none.

    Args:
        classes: class numbers (B, 1, ...), and others, such as 255, for what is not known.
        num_classes: K.

    Returns:
        (B, K, ...) float32.
    """
    known = (classes >= 0) & (classes < num_classes)
    one_hot = F.one_hot(torch.where(known, classes, 0)[:, 0].long(), num_classes).movedim(-1, 1)
    return torch.where(known, 2.0 * one_hot - 1, 0.0)

"""The image pathway of a diffusion model: how well a mask tells the image that it was made from."""

from __future__ import annotations

import torch
from torch import nn

from ssgnet_monai.networks.denoising_unet import DenoisingUNet
from ssgnet_monai.networks.diffusion_segmenter import mask_code
from ssgnet_monai.ops.diffusion_schedule import add_noise, alphas_cumprod, clean_from_noise
from ssgnet_monai.ops.ranks import num_ranks, shard

IMAGE_TIMES = ("full", "upper")
MASK_CODES = ("softmax", "raw")


class DiffusionReconstructor(nn.Module):
    """Predicts the noise in a noisy image from it and a mask, and with it the image.

    Steps and noise are drawn from torch's generator at each call. With the sigmoid schedule four fifths of the steps
    leave more than a tenth of the image's variance, and the network can do without the mask: "upper" leaves these out
    where the mask is to matter.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        num_classes: K, channels of the mask, background included.
        width: of ``DenoisingUNet``.
        schedule: of ``alphas_cumprod``.
        timesteps: T, likewise.
        image_times: "full": steps from 0; "upper": from T / 2, noisy images alone.
        mask_code: "softmax": probabilities stretched to [-1, 1]; "raw": the logits, as the authors' code has it.

    Raises:
        ValueError: another word.

    Source: Ciampi et al. 2025 (arXiv 2504.01547); Ho et al. 2020 (arXiv 2006.11239), Eq. 14.
    """

    alphas: torch.Tensor

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 3,
        num_classes: int = 2,
        width: int = 64,
        schedule: str = "sigmoid",
        timesteps: int = 1000,
        image_times: str = "full",
        mask_code: str = "softmax",
    ) -> None:
        super().__init__()
        for name, value, words in (("image_times", image_times, IMAGE_TIMES), ("mask_code", mask_code, MASK_CODES)):
            if value not in words:
                raise ValueError(f"Expected {name} {' or '.join(words)}, got {value!r}.")
        self.first_time = timesteps // 2 if image_times == "upper" else 0
        self.timesteps, self.raw = timesteps, mask_code == "raw"
        self.denoiser = DenoisingUNet(spatial_dims, in_channels + num_classes, in_channels, width)
        self.register_buffer("alphas", alphas_cumprod(schedule, timesteps), persistent=False)

    def forward(self, images: torch.Tensor, class_logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Noise the images at random steps and predict the noise.

        Args:
            images: (B, in_channels, ...) float in [-1, 1].
            class_logits: (B, K, ...), of the masks; gradients flow back into them.

        Returns:
            Mean squared error of the noise of each image, (B,) float32, and the reconstructed images in [-1, 1],
            float32, without gradient.
        """
        batch, ranks = len(images), num_ranks()
        drawn = torch.randint(self.first_time, self.timesteps, (batch * ranks,), device=images.device)
        times = shard(drawn)
        noise = shard(torch.randn(batch * ranks, *images.shape[1:], device=images.device))
        alphas = self.alphas[times]
        noised = add_noise(images.float(), noise, alphas)
        masks = class_logits if self.raw else mask_code(class_logits)
        found = self.denoiser(torch.cat([noised, masks.to(noised.dtype)], dim=1), times).float()
        images_again = clean_from_noise(noised, found.detach(), alphas).clamp(-1, 1)
        return (found - noise).square().flatten(1).mean(1), images_again

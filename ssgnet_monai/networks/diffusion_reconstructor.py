"""The image pathway of a diffusion model: how well a mask tells the image that it was made from."""

from __future__ import annotations

import torch
from torch import nn

from ssgnet_monai.networks.denoising_unet import DenoisingUNet
from ssgnet_monai.networks.diffusion_segmenter import DiffusionSegmenter
from ssgnet_monai.networks.diffusion_segmenter import mask_code as code_of
from ssgnet_monai.ops.diffusion_schedule import add_noise, clean_from_noise
from ssgnet_monai.ops.ranks import num_ranks, shard

IMAGE_T_RANGES = ("full", "upper")
MASK_CODES = ("softmax", "raw")


class DiffusionReconstructor(nn.Module):
    """Predicts the noise in a noisy image from it and a mask, and with it the image.

    Steps and noise are drawn from torch's generator at each call. With the sigmoid schedule four fifths of the steps
    leave more than a tenth of the image's variance, and the network can do without the mask: "upper" leaves these out
    where the mask is to matter.

    Args:
        segmenter: the mask pathway beside which it stands: its channels, classes, width and schedule are this one's.
        image_t_range: "full": steps from 0; "upper": from T / 2, noisy images alone.
        mask_code: "softmax": probabilities stretched to [-1, 1]; "raw": the logits, as the authors' code has it.

    Raises:
        TypeError: the mask pathway is another network.
        ValueError: another word.

    Source: Ciampi et al. 2025 (arXiv 2504.01547); Ho et al. 2020 (arXiv 2006.11239), Eq. 14.
    """

    alphas: torch.Tensor

    def __init__(self, segmenter: DiffusionSegmenter, image_t_range: str = "full", mask_code: str = "softmax") -> None:
        super().__init__()
        if not isinstance(segmenter, DiffusionSegmenter):
            raise TypeError(
                f"Expected a DiffusionSegmenter as network, got {type(segmenter).__name__}. Add "
                "configs/networks/diffusion_segmenter.yaml (`network: diffusion_segmenter`)."
            )
        for name, value, words in (
            ("image_t_range", image_t_range, IMAGE_T_RANGES),
            ("mask_code", mask_code, MASK_CODES),
        ):
            if value not in words:
                raise ValueError(f"Expected {name} {' or '.join(words)}, got {value!r}.")
        self.timesteps, self.raw = segmenter.timesteps, mask_code == "raw"
        self.first_time = self.timesteps // 2 if image_t_range == "upper" else 0
        channels, masks = segmenter.in_channels, segmenter.denoiser
        self.denoiser = DenoisingUNet(masks.spatial_dims, channels + segmenter.num_classes, channels, masks.width)
        self.register_buffer("alphas", segmenter.alphas.clone(), persistent=False)

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
        masks = class_logits if self.raw else code_of(class_logits)
        found = self.denoiser(torch.cat([noised, masks.to(noised.dtype)], dim=1), times).float()
        images_again = clean_from_noise(noised, found.detach(), alphas).clamp(-1, 1)
        return (found - noise).square().flatten(1).mean(1), images_again

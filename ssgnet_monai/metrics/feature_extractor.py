"""What a metric needs to know about the features it compares: the function, its name, its hash, its resizer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class FeatureExtractor:
    """Maps images to feature vectors, and says which ones they are.

    Attributes:
        name: human-readable name, for reports.
        sha256: hexadecimal hash of the weights.
        resizer: how images are brought to the network's size.
        network: (B, 3, H, W) float32 in [0, 1] -> (B, D).
        device: where ``network`` runs.
        batch_size: images per forward pass.
    """

    name: str
    sha256: str
    resizer: str
    network: Callable[[Tensor], Tensor]
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    batch_size: int = 64

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Features of images.

        Args:
            images: (B, 1 or 3, H, W), uint8 or float in [0, 1]; grey images are repeated to three channels.

        Returns:
            (B, D) float32 on the CPU.

        Raises:
            ValueError: on another shape or range.
        """
        rgb = unit_rgb(images)
        return torch.cat([self.network(part.to(self.device)).float().cpu() for part in rgb.split(self.batch_size)])


def unit_rgb(images: Tensor) -> Tensor:
    """Images as (B, 3, H, W) float32 in [0, 1].

    Args:
        images: (B, 1 or 3, H, W), uint8 in [0, 255] or float in [0, 1].

    Raises:
        ValueError: on another shape, or on values outside [0, 1] by more than rounding.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3) or len(images) == 0:
        raise ValueError(f"Expected images of shape (B >= 1, 1 or 3, H, W), got {tuple(images.shape)}.")
    out = images.float() / 255 if images.dtype == torch.uint8 else images.float()
    low, high = out.min().item(), out.max().item()
    if not (low >= -1e-3 and high <= 1 + 1e-3):
        raise ValueError(f"Expected uint8 images or floats in [0, 1], got values from {low:.3g} to {high:.3g}.")
    return out.clamp(0, 1).expand(-1, 3, -1, -1)


def state_sha256(state: Mapping[str, Tensor]) -> str:
    """Hash of a state dict's names, types, shapes and values, independent of the file it came from."""
    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()

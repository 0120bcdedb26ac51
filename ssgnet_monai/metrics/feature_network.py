"""A small feature network learnt from the real training images, for machines without Inception's weights."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from tqdm import trange

from ssgnet_monai.metrics.feature_extractor import unit_rgb

logger = logging.getLogger(__name__)

LARGEST_SIZE = 64
WIDTHS = (16, 32, 64)


class FeatureNetwork(nn.Module):
    """Three convolutional stages; features are the mean and the spread of every channel at every depth.

    Activations of images unlike any real one can be a hundredfold; the logarithm ``log(1 + x / rms)`` keeps them from
    deciding the score alone. Every depth's features are then scaled to unit mean square over the training images, so
    that no depth outweighs the others and the kernel of the KID works at its intended scale (|x|^2 / D of about 1).

    Args:
        size: images are resized to ``size`` x ``size`` pixels.
        num_classes: outputs of the class head; 0 or 1 = no class head.
    """

    scales: Tensor

    def __init__(self, size: int, num_classes: int = 0) -> None:
        super().__init__()
        self.size = size
        channels = (3, *WIDTHS)
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels[i], channels[i + 1], 3, stride=1 if i == 0 else 2, padding=1, bias=False),
                nn.BatchNorm2d(channels[i + 1]),
                nn.ReLU(),
            )
            for i in range(len(WIDTHS))
        )
        self.rotation = nn.Linear(2 * WIDTHS[-1], 4)
        self.classes = nn.Linear(2 * WIDTHS[-1], num_classes) if num_classes > 1 else None
        self.register_buffer("scales", torch.ones(2, len(WIDTHS)))

    def resize(self, images: Tensor) -> Tensor:
        """Bring images to the network's size, antialiased bilinear."""
        if images.shape[2:] == (self.size, self.size):
            return images
        return functional.interpolate(images, (self.size, self.size), mode="bilinear", antialias=True)

    def depths(self, images: Tensor) -> list[Tensor]:
        """Channel means and spreads at each depth, not scaled: a list of (B, 2 * width)."""
        x, out = 2 * self.resize(images) - 1, []
        for stage in self.stages:
            x = stage(x)
            mean = x.mean((2, 3))
            out.append(torch.cat([mean, (x.var((2, 3), unbiased=False) + 1e-6).sqrt()], dim=1))
        return out

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) float in [0, 1] -> (B, 224) features."""
        before, after = self.scales
        parts = enumerate(self.depths(images))
        return torch.cat([torch.log1p(part / before[depth]) / after[depth] for depth, part in parts], dim=1)

    @torch.no_grad()
    def fit_scales(self, images: Tensor) -> None:
        """Set the scales from real images at the network's size, (N, 3, size, size) in [0, 1]."""
        parts = [self.depths(part) for part in images.split(256)]
        for depth in range(len(WIDTHS)):
            values = torch.cat([part[depth] for part in parts])
            self.scales[0, depth] = values.square().mean().sqrt()
            self.scales[1, depth] = torch.log1p(values / self.scales[0, depth]).square().mean().sqrt()


def train_feature_network(
    images: Tensor,
    classes: Sequence[str] | None = None,
    *,
    seed: int = 0,
    steps: int = 150,
    batch_size: int = 48,
    device: torch.device | str = "cpu",
) -> FeatureNetwork:
    """Learn features from real images: which way up is an image, and which class is it (where there are several).

    About 10 seconds on one core at 32 pixels, whatever the number of images; images are used at 64 pixels at most.

    Args:
        images: (N, 1 or 3, H, W) real training images, uint8 or float in [0, 1].
        classes: a class name for each image, or None.
        seed: of weights, batches and rotations.
        steps: optimiser steps.
        batch_size: images of a step, each in a random one of four rotations.
        device: where to train.

    Returns:
        The network in evaluation mode, on ``device``.

    Raises:
        ValueError: on images of a wrong shape or range, or on another number of classes than images.

    Source: Gidaris et al. 2018, "Unsupervised Representation Learning by Predicting Image Rotations".
    """
    if classes is not None and len(classes) != len(images):
        raise ValueError(f"Expected one class for each of {len(images)} images, got {len(classes)}.")
    rgb = unit_rgb(images)
    names = sorted(set(classes or ()))
    targets = torch.tensor([names.index(name) for name in classes or ()], dtype=torch.long)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = FeatureNetwork(min(LARGEST_SIZE, max(rgb.shape[2:])), len(names)).to(device)
    pool = torch.cat([network.resize(part) for part in rgb.split(256)]).to(device)
    targets = targets.to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    generator = torch.Generator().manual_seed(seed)
    network.train()
    for _ in trange(steps, desc="feature network", leave=False):
        index = torch.randint(len(pool), (batch_size,), generator=generator).to(device)
        turns = torch.randint(4, (batch_size,), generator=generator).sort().values.to(device)
        batch = pool[index]
        batch = torch.cat([torch.rot90(batch[turns == k], k, (2, 3)) for k in range(4)])
        last = network.depths(batch)[-1]
        loss = functional.cross_entropy(network.rotation(last), turns)
        if network.classes is not None:
            loss = loss + functional.cross_entropy(network.classes(last), targets[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network.eval().requires_grad_(False)
    network.fit_scales(pool)
    logger.info("Feature network: last loss %.3f after %d steps on %d images", loss.item(), steps, len(pool))
    return network

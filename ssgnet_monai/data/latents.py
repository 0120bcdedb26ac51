"""Latent codes by seed: code i depends on (seed, i) alone, so an image does not depend on its batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.data import Dataset

from ssgnet_monai.data.datalist import select_items


class LatentDataset(Dataset):
    """Latents ``seed, seed + 1, ...`` and the class that each image is to show.

    Args:
        class_counts: class name -> number of images; classes follow each other in this order.
        z_dim: length of a latent.
        seed: seed of the first image.
        classes: class names in the order of the generator's condition; empty for an unconditional generator.
        skip: seeds whose images exist already.

    Items are ``{"image": (z_dim,) float32, "seed": int, "class": str}``, with ``"condition": (classes,) float32`` for
    a conditional generator. ("image" is what MONAI's evaluators call a network's input.)
    """

    def __init__(
        self,
        class_counts: dict[str, int],
        z_dim: int,
        seed: int = 0,
        classes: Sequence[str] = (),
        skip: Sequence[int] = (),
    ) -> None:
        self.z_dim, self.classes = z_dim, list(classes)
        names = [name for name, count in class_counts.items() for _ in range(count)]
        self.all_items = [(seed + i, name) for i, name in enumerate(names)]
        done = set(skip)
        self.items = [item for item in self.all_items if item[0] not in done]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        seed, name = self.items[index]
        item: dict[str, Any] = {"image": latent(seed, self.z_dim), "seed": seed, "class": name}
        if self.classes:
            item["condition"] = torch.eye(len(self.classes))[self.classes.index(name)]
        return item


def latent(seed: int, z_dim: int) -> torch.Tensor:
    """The latent of a seed: (z_dim,) float32, standard normal, drawn on the CPU whatever the device."""
    return torch.randn(z_dim, generator=torch.Generator().manual_seed(seed))


def class_counts(training: Sequence[dict[str, Any]], num_images: int, class_mix: str = "prior") -> dict[str, int]:
    """Share ``num_images`` out among the classes of the training items.

    Args:
        training: training items with "class"; synthetic ones do not count.
        num_images: images in all.
        class_mix: "prior" keeps the proportions of the training set, "equal" gives each class the same number.

    Returns:
        Class name -> number of images; the numbers add up to ``num_images`` (largest remainders get the rest).

    Raises:
        ValueError: ``class_mix`` is neither.
    """
    names = [str(item.get("class", "all")) for item in select_items(training, origin="real")]
    classes = sorted(set(names))
    if class_mix == "prior":
        shares = {name: num_images * names.count(name) / len(names) for name in classes}
    elif class_mix == "equal":
        shares = {name: num_images / len(classes) for name in classes}
    else:
        raise ValueError(f"Expected class_mix 'prior' or 'equal', got {class_mix!r}.")
    counts = {name: int(share) for name, share in shares.items()}
    rest = num_images - sum(counts.values())
    for name in sorted(classes, key=lambda c: counts[c] - shares[c])[:rest]:
        counts[name] += 1
    return counts

"""Latent codes by seed: code and class of an image depend on its seed alone, not on its batch or the number made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch.utils.data import Dataset

from ssgnet_monai.data.datalist import select_items


class LatentDataset(Dataset):
    """Latents ``seed, seed + 1, ...`` and the class that each image is to show.

    Args:
        num_images: images in all.
        z_dim: length of a latent.
        seed: seed of the first image.
        class_cycle: the image of seed s shows class ``class_cycle[s % len(class_cycle)]``; see :func:`class_cycle`.
        classes: class names in the order of the generator's condition; empty for an unconditional generator.
        skip: seeds whose images exist already.

    Items are ``{"image": (z_dim,) float32, "seed": int, "class": str}``, with ``"condition": (classes,) float32`` for
    a conditional generator. ("image" is what MONAI's evaluators call a network's input.)

    Raises:
        ValueError: no class, or one that the generator does not know.
    """

    def __init__(
        self,
        num_images: int,
        z_dim: int,
        seed: int = 0,
        class_cycle: Sequence[str] = ("all",),
        classes: Sequence[str] = (),
        skip: Iterable[int] = (),
    ) -> None:
        self.z_dim, self.classes = z_dim, list(classes)
        unknown = sorted(set(class_cycle) - set(classes)) if classes else []
        if unknown or not class_cycle:
            raise ValueError(f"Expected classes out of {list(classes)} to generate, got {unknown or 'none'}.")
        self.all_items = [(s, class_cycle[s % len(class_cycle)]) for s in range(seed, seed + num_images)]
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


def class_cycle(class_sizes: Mapping[str, int], class_mix: str = "prior") -> list[str]:
    """An order of classes to repeat: every stretch of it holds each class in its share, as nearly as whole images can.

    Args:
        class_sizes: class -> training images, at least one in all.
        class_mix: "prior" keeps the proportions of the training set, "equal" gives each class the same share.

    Returns:
        Class names; one round holds the exact shares.

    Raises:
        ValueError: ``class_mix`` is neither.
    """
    if class_mix not in ("prior", "equal"):
        raise ValueError(f"Expected class_mix 'prior' or 'equal', got {class_mix!r}.")
    sizes = {name: size if class_mix == "prior" else 1 for name, size in sorted(class_sizes.items()) if size}
    common = math.gcd(*sizes.values())
    weights = {name: size // common for name, size in sizes.items()}
    total, given, order = sum(weights.values()), dict.fromkeys(weights, 0), []
    for place in range(1, total + 1):
        # the class that is furthest behind its share; ties go by name
        name = max(weights, key=lambda one: weights[one] * place - given[one] * total)
        given[name] += 1
        order.append(name)
    return order


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

"""A trained generator: seeds in, images out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from ssgnet_monai.api.trained_folder import inference_settings
from ssgnet_monai.data.latents import latent
from ssgnet_monai.engines.latent_batch import PrepareLatents
from ssgnet_monai.engines.weights import load_weights

BATCH = 16


class TrainedGenerator:
    """What :func:`load_generator` gives.

    Attributes:
        class_name: what it was trained on, or "all".
        classes: of a conditional generator, in the order of its condition; else empty.
        network: the network itself, in evaluation mode.
    """

    def __init__(self, settings: Any) -> None:
        folder = Path(settings.get_parsed_content("ckpt_dir"))
        if not (folder / "generator.json").is_file():
            raise FileNotFoundError(
                f"Expected generator.json beside the weights of a generator in {folder}, found none. Copy both: the "
                "weights alone do not know their classes."
            )
        record = json.loads((folder / "generator.json").read_text(encoding="utf-8"))
        self.class_name: str = record["class_name"]
        self.classes: list[str] = record["classes"]
        settings["classes"] = self.classes
        self.device = torch.device(settings.get_parsed_content("device"))
        self.network = settings.get_parsed_content("network").eval()
        load_weights(self.network, folder / "model.pt")

    @torch.inference_mode()
    def sample(
        self, seeds: int | Iterable[int], truncation: float = 1.0, class_names: str | Sequence[str] | None = None
    ) -> torch.Tensor:
        """Images by their seeds; an image depends on the generator, its seed, class and truncation alone.

        Args:
            seeds: one, or several.
            truncation: psi in [0, 1]: less variety, more typical images.
            class_names: of a conditional generator: one class for all, or one for each seed.

        Returns:
            (n, C, H, W) float32 in [-1, 1], on the CPU.

        Raises:
            ValueError: a truncation outside [0, 1], no seed, a class that the generator does not know, or none where it
                needs one.
        """
        numbers = [seeds] if isinstance(seeds, int) else [int(seed) for seed in seeds]
        names = [class_names] * len(numbers) if isinstance(class_names, str | None) else list(class_names)
        wrong = [name for name in names if name not in self.classes] if self.classes else [n for n in names if n]
        if not numbers or len(names) != len(numbers) or wrong:
            raise ValueError(
                f"Expected at least one seed and a class out of {self.classes or 'none'} for each, got {len(numbers)} "
                f"seeds and {names[:3]}. Name classes of a conditional generator only, one for all or one a seed."
            )
        prepare = PrepareLatents(truncation)
        items = [{"image": latent(seed, self.network.z_dim)} for seed in numbers]
        for item, name in zip(items, names, strict=True):
            if self.classes:
                item["condition"] = torch.eye(len(self.classes))[self.classes.index(str(name))]
        images = []
        for start in range(0, len(items), BATCH):
            part = items[start : start + BATCH]
            batch = {key: torch.stack([item[key] for item in part]) for key in part[0]}
            z, _, _, keywords = prepare(batch, self.device)
            images.append(self.network(z, **keywords).clamp(-1, 1).float().cpu())
        return torch.cat(images)


def load_generator(
    path: str | Path, device: torch.device | str | None = None, *, trust_code: bool = False
) -> TrainedGenerator:
    """A trained generator by its folder.

    Args:
        path: a bundle with weights, or the folder of a finished generator, such as ``runs/NAME/generators/CLASS``.
        device: where the network goes; None: the first GPU, or the CPU.
        trust_code: whether the folder may name code that `ssgnet verify` does not know.

    Returns:
        The generator; its ``sample(seeds, truncation=...)`` gives images.

    Raises:
        FileNotFoundError: there is no such thing.
        ValueError: it is of another bundle, damaged, or names code.

    Example:
        >>> generator = load_generator("runs/demo/generators/all")
        >>> generator.sample(range(8), truncation=0.7).shape
        torch.Size([8, 1, 16, 16])
    """
    with inference_settings(path, "ssgnet_synthesis", device, trust_code) as settings:
        return TrainedGenerator(settings)

"""FID and KID of generated images, beside reference values that give the numbers a scale."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from monai.transforms import Compose, Resized

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.datalist import select_items
from ssgnet_monai.data.image_grid import image_grid, write_image
from ssgnet_monai.data.latents import latent
from ssgnet_monai.data.pool import synthetic_items
from ssgnet_monai.metrics import load_or_train_features, synthesis_scores
from ssgnet_monai.metrics.generator_scores import too_few_to_score
from ssgnet_monai.networks.stylegan3 import Generator
from ssgnet_monai.transforms import LoadImageMaskd

logger = logging.getLogger(__name__)


class SynthesisEvaluation:
    """Compares the images that ``inference`` wrote with the training images of the class.

    Args:
        real: training items of the class.
        datalist: the whole datalist; a feature network, when one must be trained, sees all its real training images.
        image_size: pixels.
        num_channels: 1 or 3.
        generator: an untrained generator of the same configuration, as a reference for the worst case.
        class_name: for the record.
        output_dir: folder with ``synthetic.json``; receives ``metrics.json`` and ``grid.png``.
        features_dir: where a trained feature network is kept, shared by the classes of a dataset.
        device: where features are computed.
        batch_size: images per forward pass.
        seed: seed of subsets and of the untrained generator's latents.
        config_sha256: hash of the run's settings, for the record.
        inception: Inception's weights; None: what ``features`` says.
        features: "auto", "package" or "learnt", see ``load_or_train_features``.
        dataset_dir: the prepared folder of ``datalist``; the images' generator must have been trained on it. None: not
            checked.
    """

    def __init__(
        self,
        real: Sequence[dict[str, Any]],
        datalist: dict[str, Any],
        image_size: int,
        num_channels: int,
        generator: Generator,
        class_name: str,
        output_dir: str | Path,
        features_dir: str | Path,
        device: torch.device | str = "cpu",
        batch_size: int = 32,
        seed: int = 0,
        config_sha256: str | None = None,
        inception: str | Path | None = None,
        features: str = "auto",
        dataset_dir: str | Path | None = None,
    ) -> None:
        self.real, self.datalist, self.generator, self.class_name = list(real), datalist, generator, class_name
        self.output_dir, self.features_dir, self.device = Path(output_dir), Path(features_dir), device
        self.batch_size, self.seed, self.config_sha256 = batch_size, seed, config_sha256
        self.inception, self.features, self.dataset_dir = inception, features, dataset_dir
        self._load = Compose(
            [
                LoadImageMaskd(intensity_window=datalist["intensity_window"], num_channels=num_channels),
                Resized("image", spatial_size=[image_size, image_size], mode="area"),
            ]
        )

    def run(self) -> None:
        """Write ``metrics.json`` and ``grid.png``; scores that need more images are left out, with the reason.

        Raises:
            FileNotFoundError: ``inference`` has not been run.
            ValueError: the generator was trained on another datalist.
        """
        began = time.perf_counter()
        listing = self.output_dir / "synthetic.json"
        if not listing.exists():
            raise FileNotFoundError(f"Expected generated images at {listing}, found none. Run configs/inference.yaml.")
        entries = json.loads(listing.read_text(encoding="utf-8"))["unlabeled"]
        if self.dataset_dir is not None:
            synthetic_items([listing], self.dataset_dir)  # refuses those of a generator of other data
        synthetic = self._images([str(self.output_dir / entry["image"]) for entry in entries])
        write_image(self.output_dir / "grid.png", image_grid(synthetic[:36] / 255, 6))
        scores = self._scores(synthetic)
        record = {
            "stage": "synthesis",
            "class": self.class_name,
            "split": "training",
            "seed": self.seed,
            "config_sha256": self.config_sha256,
            "generator_sha256": entries[0]["generator_sha256"],
            "datalist_sha256": entries[0]["datalist_sha256"],
            "truncation": entries[0].get("truncation"),
            **scores,
            "seconds": time.perf_counter() - began,
        }
        write_json(self.output_dir / "metrics.json", record)
        if scores["kid"] is None:
            logger.warning("class %r: %s", self.class_name, scores["left_out"])
        else:
            logger.info("class %r: KID %.4f, FID %.1f", self.class_name, scores["kid"]["mean"], scores["fid"])

    def _scores(self, synthetic: torch.Tensor) -> dict[str, Any]:
        training = select_items(self.datalist["training"], origin="real")
        extractor = load_or_train_features(
            self._images([item["image"] for item in training]),
            [item.get("class", "all") for item in training],
            self.features_dir,
            device=self.device,
            inception=self.inception,
            features=self.features,
        )
        if too_few := too_few_to_score(len(self.real), len(synthetic)):
            sizes = {"n_real": len(self.real), "n_synthetic": len(synthetic)}
            return {**sizes, "fid": None, "kid": None, "references": {}, "left_out": too_few}
        return synthesis_scores(
            self._images([item["image"] for item in self.real]),
            synthetic,
            extractor,
            seed=self.seed,
            references={"untrained": self._untrained(len(synthetic))},
        )

    def _images(self, paths: Sequence[str]) -> torch.Tensor:
        """(N, C, H, W) uint8: a quarter of the memory of float32."""
        loaded = (self._load({"image": path})["image"].as_tensor() for path in paths)
        return torch.stack([(image.clamp(0, 1) * 255).round().to(torch.uint8) for image in loaded])

    @torch.inference_mode()
    def _untrained(self, n: int) -> torch.Tensor:
        self.generator.eval()
        c_dim = self.generator.c_dim
        device = next(self.generator.parameters()).device
        batches = []
        for seeds in torch.arange(n).split(self.batch_size):
            z = torch.stack([latent(self.seed + int(i), self.generator.z_dim) for i in seeds])
            c = torch.eye(c_dim)[seeds % c_dim].to(device) if c_dim else None
            batches.append((self.generator(z.to(device), c).cpu() + 1) / 2)
        return torch.cat(batches).clamp(0, 1)

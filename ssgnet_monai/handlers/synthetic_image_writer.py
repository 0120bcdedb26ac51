"""Generated images on disk, with the provenance of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Events
from monai.engines import Evaluator

from ssgnet_monai.data.atomic_write import sha256_file, write_json
from ssgnet_monai.data.datalist import datalist_sha256
from ssgnet_monai.data.image_grid import write_image


class SyntheticImages:
    """A folder of generated images: ``images/seed<seed>.png`` and the datalist ``synthetic.json``.

    Args:
        output_dir: the folder.
        generator_path: weights of the generator; their SHA-256 goes into every entry.
        datalist_path: datalist, or its folder, whose training images the generator saw; its SHA-256 too.
        intensity_window: grey values of the dataset's files that mean 0 and 1; the PNG files use the same.
        truncation: truncation psi of the images.
    """

    def __init__(
        self,
        output_dir: str | Path,
        generator_path: str | Path,
        datalist_path: str | Path,
        intensity_window: Sequence[float] = (0, 255),
        truncation: float = 1.0,
    ) -> None:
        self.output_dir, self.intensity_window = Path(output_dir), tuple(intensity_window)
        self.generator_path, self.datalist_path = Path(generator_path), Path(datalist_path)
        self.truncation = truncation

    def provenance(self) -> dict[str, Any]:
        """What every image of the folder has in common."""
        return {
            "origin": "synthetic",
            "generator_sha256": sha256_file(self.generator_path),
            "datalist_sha256": datalist_sha256(self.datalist_path),
            "truncation": self.truncation,
        }

    def path(self, seed: int) -> Path:
        """Where the image of a seed lies."""
        return self.output_dir / "images" / f"seed{seed:07d}.png"

    def begin(self) -> list[int]:
        """Seeds whose images exist already; images of another generator or truncation do not count."""
        mark, provenance = self.output_dir / "images" / "provenance.json", self.provenance()
        if mark.exists() and json.loads(mark.read_text(encoding="utf-8")) == provenance:
            return [int(path.stem[4:]) for path in sorted(mark.parent.glob("seed*.png"))]
        for stale in sorted(mark.parent.glob("seed*.png")):
            stale.unlink()
        write_json(mark, provenance)
        return []

    def finish(self, items: Sequence[tuple[int, str]]) -> None:
        """Write the datalist of the folder's images.

        Args:
            items: (seed, class) of every image, those of earlier runs included.
        """
        provenance = self.provenance()
        entries = [
            {"image": f"images/{self.path(seed).name}", "class": name, "seed": seed, **provenance}
            for seed, name in items
        ]
        write_json(self.output_dir / "synthetic.json", {"unlabeled": entries})


class SyntheticImageWriter:
    """Writes each image as it is made.

    Args:
        folder: where the images go.
    """

    def __init__(self, folder: SyntheticImages) -> None:
        self.folder = folder

    def attach(self, engine: Evaluator) -> None:
        """Register at every iteration."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._write)

    def _write(self, engine: Evaluator) -> None:
        for image, seed in zip((engine.state.output["pred"] + 1) / 2, engine.state.batch["seed"], strict=True):
            write_image(self.folder.path(int(seed)), image, self.folder.intensity_window)

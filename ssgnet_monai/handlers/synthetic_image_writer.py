"""Generated images on disk, with the provenance of each."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Events
from monai.engines import Evaluator

from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.generator_record import GeneratorRecord
from ssgnet_monai.data.image_grid import write_image

logger = logging.getLogger(__name__)


class SyntheticImages:
    """A folder of generated images: ``images/seed<seed>.png`` and the datalist ``synthetic.json``.

    Args:
        output_dir: the folder.
        trained_on: the hashes of the generator's weights and of the list it was trained on go into every entry; the PNG
            files have the grey values of that list's window.
        truncation: truncation psi of the images.
        class_mix: by which a conditional generator's seeds have their classes; None: every image is of one class.
    """

    def __init__(
        self,
        output_dir: str | Path,
        trained_on: GeneratorRecord,
        truncation: float = 1.0,
        class_mix: str | None = None,
    ) -> None:
        self.output_dir, self.trained_on = Path(output_dir), trained_on
        self.truncation, self.class_mix = float(truncation), class_mix
        self._mark, self._list = self.output_dir / "images" / "provenance.json", self.output_dir / "synthetic.json"

    def provenance(self) -> dict[str, Any]:
        """What every image of the folder has in common."""
        trained_on = self.trained_on.content
        common = {
            "origin": "synthetic",
            "generator_sha256": trained_on["model_sha256"],
            "datalist_sha256": trained_on["datalist_sha256"],
            "truncation": self.truncation,
        }
        if self.class_mix is not None:
            common["class_mix"] = self.class_mix
        if trained_on.get("transferred_from"):
            common["transferred_from"] = trained_on["transferred_from"]
        return common

    def path(self, seed: int) -> Path:
        """Where the image of a seed lies."""
        return self.output_dir / "images" / f"seed{seed:07d}.png"

    def begin(self) -> None:
        """Make the folder one of this generator, truncation and class mix; other ones' images and list are removed."""
        if self.is_begun():
            return
        others = sorted(self._mark.parent.glob("seed*.png"))
        if others:
            logger.warning("%s: %d images of another generator or setting make way", self.output_dir, len(others))
        self._list.unlink(missing_ok=True)
        for other in others:
            other.unlink()
        if self.class_mix is not None and self.truncation < 1:
            logger.warning(
                "truncation %s pulls all classes towards one mean: the lower, the less an image shows its class",
                self.truncation,
            )
        write_json(self._mark, self.provenance())

    def is_begun(self) -> bool:
        """Whether the images in the folder are of this generator, truncation and class mix."""
        return self._mark.exists() and json.loads(self._mark.read_text(encoding="utf-8")) == self.provenance()

    def finish(self, items: Sequence[tuple[int, str]]) -> None:
        """Write the datalist of the folder's images; what it lists from earlier calls stays.

        Args:
            items: (seed, class) of every image of this call, existing ones included.
        """
        provenance, classes = self.provenance(), {**self._listed(), **dict(items)}
        entries = [
            {"image": f"images/{self.path(seed).name}", "class": classes[seed], "seed": seed, **provenance}
            for seed in sorted(classes)
        ]
        write_json(self._list, {"unlabeled": entries})

    def _listed(self) -> dict[int, str]:
        """Seed -> class of the images of this provenance that the list names and that exist."""
        if not self._list.exists():
            return {}
        entries, provenance = json.loads(self._list.read_text(encoding="utf-8"))["unlabeled"], self.provenance()
        return {
            entry["seed"]: entry["class"]
            for entry in entries
            if provenance.items() <= entry.items() and self.path(entry["seed"]).exists()
        }


def existing_seeds(folder: SyntheticImages) -> list[int]:
    """Seeds whose images the folder holds; images of another generator, truncation or class mix do not count."""
    images = sorted((folder.output_dir / "images").glob("seed*.png")) if folder.is_begun() else []
    return [int(path.stem[4:]) for path in images]


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
        window = self.folder.trained_on.content["intensity_window"]
        for image, seed in zip((engine.state.output["pred"] + 1) / 2, engine.state.batch["seed"], strict=True):
            write_image(self.folder.path(int(seed)), image, window)

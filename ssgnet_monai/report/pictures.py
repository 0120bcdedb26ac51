"""The images of the report, held inside the page: grids real | synthetic, and outlines of masks over images."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from skimage.measure import find_contours

from ssgnet_monai.data.datalist import select_items
from ssgnet_monai.data.label_space import COLOURS, IGNORED
from ssgnet_monai.pipeline.layout import RunLayout, StageFolder
from ssgnet_monai.report.run_files import read_json
from ssgnet_monai.transforms.load_image_mask import LoadImageMaskd

logger = logging.getLogger(__name__)

GRID_IMAGES = 12
GRID_PIXELS = 128
CLASS_COLOURS = COLOURS[1:]
"""Of the outlines of class 1, 2, ...: those of the masks' palette."""
EXAMPLE_MODELS = ("baseline", "control", "final")


@dataclass
class Grid:
    """Real and synthetic images of one class as data URIs, all of one size (pixels)."""

    class_name: str
    real: list[str]
    synthetic: list[str]


@dataclass
class Outline:
    """A mask drawn over an image: SVG path data in image pixels and, for a prediction, its Dice."""

    title: str
    paths: list[tuple[str, str]]
    dice: float | None = None


@dataclass
class Example:
    """One test image with the outlines of truth and models."""

    number: int
    seed: int
    width: int
    height: int
    image: str
    panels: list[Outline]

    def numbers(self) -> dict[str, Any]:
        """What ``report.json`` keeps of the example."""
        dice = {panel.title.lower(): panel.dice for panel in self.panels if panel.dice is not None}
        return {"number": self.number, "seed": self.seed, "dice": dice}


def class_grids(run_dir: Path, synthesis: Sequence[dict[str, Any]]) -> list[Grid]:
    """Real training images and synthetic images of each generator's class.

    Real images are spread evenly over the training list; synthetic ones are the first by seed, not picked by eye.

    Args:
        run_dir: the experiment's folder.
        synthesis: the classes of the report.

    Returns:
        One grid a class that has any image; files that are gone are left out.
    """
    run = RunLayout(run_dir)
    datalist = read_json(run.datalist) or {}
    training = select_items(datalist.get("training") or [], origin="real")
    window = datalist.get("intensity_window") or (0, 255)
    loader = LoadImageMaskd(window, datalist.get("num_channels") or 3)
    grids = []
    for entry in synthesis:
        items = [item for item in training if entry["class"] in (item.get("class"), "all")]
        real = _present([run.data / item["image"] for item in items])
        synthetic = _present(run.generator(entry["folder"]).images())
        picked = [real[round(i)] for i in np.linspace(0, len(real) - 1, min(GRID_IMAGES, len(real)))]
        grid = Grid(
            entry["class"],
            [data_uri(_pixels(loader, path), GRID_PIXELS) for path in picked],
            [data_uri(_pixels(loader, path), GRID_PIXELS) for path in synthetic[:GRID_IMAGES]],
        )
        if grid.real or grid.synthetic:
            grids.append(grid)
    return grids


def outlined_examples(stage: StageFolder, labels: Sequence[str] = (), most: int = 8) -> list[Example]:
    """Test images with the outlines of truth, baseline, control and final model.

    Args:
        stage: a row with a seed; its ``examples`` may be absent.
        labels: names of the classes, background first. Of two, a model is drawn over the truth; of more, each class has
            an outline of its own colour.
        most: largest number of images.

    Returns:
        The examples in the order of their numbers. The Dice of each prediction is that of the drawn mask, a mean over
        the classes in it or in the truth.
    """
    loader = LoadImageMaskd()
    examples = []
    for number, files in list(stage.examples().items())[:most]:
        masks = {name: read_mask(files[name]) for name in ("truth", *EXAMPLE_MODELS) if name in files}
        pixels = _pixels(loader, files["image"])
        truth = masks.get("truth")
        panels = [Outline("Image", [])]
        if truth is not None:
            panels.append(Outline("Truth", _paths(truth, "truth", labels)))
        for name in EXAMPLE_MODELS:
            if name in masks:
                under = _paths(truth, "truth", labels) if truth is not None and len(labels) <= 2 else []
                dice = mean_dice(masks[name], truth) if truth is not None else None
                panels.append(Outline(name.capitalize(), [*under, *_paths(masks[name], "predicted", labels)], dice))
        height, width = pixels.shape[:2]
        examples.append(Example(number, stage.seed, width, height, data_uri(pixels), panels))
    return examples


def class_style(number: int) -> str:
    """CSS class of the outlines of a class: as many as ``CLASS_COLOURS``, over and over."""
    return f"class-{(number - 1) % len(CLASS_COLOURS)}"


def _paths(mask: np.ndarray, style: str, labels: Sequence[str]) -> list[tuple[str, str]]:
    if len(labels) <= 2:
        return [(style, outline(mask == 1))]
    found = [number for number in range(1, len(labels)) if (mask == number).any()]
    return [(class_style(number), outline(mask == number)) for number in found]


def read_mask(path: Path) -> np.ndarray:
    """Class numbers (H, W) of an example's mask."""
    with Image.open(path) as image:
        values = np.asarray(image)
        return values if image.mode == "P" else (values > 127).astype(np.uint8)


def outline(mask: np.ndarray) -> str:
    """The border of a mask as SVG path data in pixel units, closed at the image's edge; empty for an empty mask.

    Args:
        mask: (H, W) bool.

    Returns:
        ``M x yL...Z`` per connected border; the corner of the first pixel is (0, 0).
    """
    padded = np.pad(mask.astype(np.float32), 1)
    pieces = []
    for contour in find_contours(padded, 0.5):
        points = [f"{x - 0.5:g} {y - 0.5:g}" for y, x in contour[:-1]]
        pieces.append("M" + "L".join(points) + "Z")
    return "".join(pieces)


def mean_dice(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Dice of two (H, W) masks of class numbers, the mean over the classes in either; 1 where both are empty.

    Pixels whose truth is not known do not count.
    """
    known = truth != IGNORED
    predicted, truth = predicted[known], truth[known]
    classes = sorted({*np.unique(predicted).tolist(), *np.unique(truth).tolist()} - {0})
    found = [
        2.0 * int(((predicted == c) & (truth == c)).sum()) / (int((predicted == c).sum()) + int((truth == c).sum()))
        for c in classes
    ]
    return sum(found) / len(found) if found else 1.0


def data_uri(pixels: np.ndarray, longest_side: int | None = None) -> str:
    """An (H, W) or (H, W, 3) uint8 image as a PNG data URI, reduced to ``longest_side`` pixels where larger."""
    image = Image.fromarray(pixels)
    if longest_side is not None and max(image.size) > longest_side:
        image.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _pixels(loader: LoadImageMaskd, path: Path) -> np.ndarray:
    """8-bit grey (H, W) or colour (H, W, 3) values for the screen, through the project's one image setting."""
    values = np.rint(np.asarray(loader({"image": path})["image"]) * 255).astype(np.uint8)
    return values[0] if len(values) == 1 else np.ascontiguousarray(np.moveaxis(values, 0, -1))


def _present(paths: list[Path]) -> list[Path]:
    present = [path for path in paths if path.is_file()]
    if len(present) < len(paths):
        logger.warning("%d of %d listed images are gone, e.g. from %s", len(paths) - len(present), len(paths), paths[0])
    return present

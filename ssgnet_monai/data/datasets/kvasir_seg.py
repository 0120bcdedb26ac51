"""Kvasir-SEG: photographs of polyps with masks; whole for segmentation, in tiles for classification."""

from __future__ import annotations

import logging
from pathlib import Path

from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.datasets.case_lists import Lists, split_by_lists
from ssgnet_monai.data.datasets.layout import find_root
from ssgnet_monai.data.datasets.tiles import tile_sources
from ssgnet_monai.data.image_files import SourceImage, find_images
from ssgnet_monai.data.pair_files import pair_files

logger = logging.getLogger(__name__)

IMAGES = 1000
TASKS = ("segmentation", "classification")


def read(
    source: Path,
    staging: Path,
    task: str = "segmentation",
    lists: Lists | None = None,
    tile: int = 256,
    min_fraction: float = 0.0,
) -> list[SourceImage]:
    """Read ``images/`` and ``masks/``, which have the same stems.

    Args:
        source: the owner's folder.
        staging: for the tiles.
        task: "segmentation", or "classification" of tiles as "negative" and "positive".
        lists: files of image names by split, see ``split_by_lists``; the lists of MediaEval 2020 are
            ``{train: train.txt, test: val.txt}``. None: no split.
        tile: side of a tile, in pixels.
        min_fraction: least share of polyp pixels in a positive tile, in [0, 1]; 0: any pixel.

    Raises:
        FileNotFoundError: another layout.
        ValueError: images without masks, or unusable options.
    """
    if task not in TASKS:
        raise ValueError(f"Expected task {' or '.join(TASKS)}, got {task!r}.")
    _, parts = find_root(source, ("images", "masks"), dataset="kvasir_seg")
    pairs = pair_files(find_images(parts["images"]), find_images(parts["masks"]))
    if len(pairs) != IMAGES:
        logger.warning("kvasir_seg: the owner's archive has %d images, this folder %d.", IMAGES, len(pairs))
    split_of = split_by_lists(lists, source, [pair.stem for pair in pairs], "kvasir_seg")
    images = [
        SourceImage(pair.stem, pair.image, pair.mask, split=split_of[pair.stem])
        for pair in pairs
        if pair.stem in split_of
    ]
    return images if task == "segmentation" else tile_sources(images, staging, tile, min_fraction)


ADAPTERS = (
    Adapter(
        name="kvasir_seg",
        tasks=TASKS,
        modality="endoscopy",
        content="1,000 photographs of polyps with masks",
        licence="research and education only",
        home="https://datasets.simula.no/kvasir-seg/",
        read=read,
        options={"foreground": "polyp"},
        group_source="image of a tile",
        instructions="Download kvasir-seg.zip (46 MB) from the owner's page and unpack it.",
    ),
)

"""Converting all images, with bounded memory and a journal from which an interrupted run goes on."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image

from ssgnet_monai import __version__
from ssgnet_monai.data.image_files import ImagePair
from ssgnet_monai.data.journal import Journal, file_stamps
from ssgnet_monai.data.pixel_budget import PixelBudget
from ssgnet_monai.data.prepare.image import Conversion, convert_pair
from ssgnet_monai.data.threads import for_each_pair

logger = logging.getLogger(__name__)

DECODED_PIXELS = 60_000_000
"""Pixels that all threads decode at a time: about 0.6 GB."""
PILLOW_BLOCK = 2**26
"""Bytes in which Pillow takes memory: blocks this large go back to the system when a large picture is dropped."""
JOURNAL = ".prepare_records.jsonl"
FORMAT = 4  # of the records


def convert_all(
    pairs: Sequence[ImagePair],
    headers: Iterable[Mapping[str, Any]],
    out: Path,
    conversion: Conversion,
    max_megapixels: float,
    workers: int,
) -> list[dict[str, Any]]:
    """Convert all pairs, those excepted whose files are there from unchanged sources and with the same settings.

    Before the first file of an earlier preparation is replaced, its datalist is removed: a folder with a datalist is
    whole.

    Args:
        pairs: images with their masks.
        headers: of ``inspect_pair``.
        out: the prepared folder.
        conversion: of every image.
        max_megapixels: most millions of pixels of an image.
        workers: threads.

    Returns:
        A record of ``convert_pair`` for every pair.

    Raises:
        ValueError: images that cannot be converted.
    """
    Image.core.set_block_size(PILLOW_BLOCK)
    out.mkdir(parents=True, exist_ok=True)
    settings = [asdict(conversion), __version__, FORMAT]
    journal = Journal(
        out / JOURNAL,
        {pair: json.dumps([*file_stamps([pair.image, *pair.masks]), settings]) for pair in pairs},
        lambda record: [out / record[key] for key in ("image", "label") if key in record],
    )
    if len(journal.todo) < len(pairs):
        logger.info(
            "%d of %d images were prepared before from the same files.", len(pairs) - len(journal.todo), len(pairs)
        )
    if not journal.todo:
        return journal.records()
    (out / "datalist.json").unlink(missing_ok=True)
    journal.begin()
    for folder in ("images", "masks"):
        for stale in sorted((out / folder).glob(".*.png")):  # left by a kill in the middle of a write
            stale.unlink()
    pixels = {pair: h["width"] * h["height"] for pair, h in zip(pairs, headers, strict=True)}
    budget = PixelBudget(DECODED_PIXELS)

    def convert(pair: ImagePair) -> dict[str, Any]:
        with budget.take(pixels[pair]):
            return convert_pair(pair, out, conversion, max_megapixels)

    for_each_pair(convert, journal.todo, workers, "preparing", journal.note)
    return journal.records()

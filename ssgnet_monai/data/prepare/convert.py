"""Converting all images in threads, with bounded memory and a journal from which an interrupted run goes on."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image
from tqdm import tqdm

from ssgnet_monai import __version__
from ssgnet_monai.data.image_files import ImagePair
from ssgnet_monai.data.prepare.image import Treatment, convert_pair
from ssgnet_monai.data.prepare.journal import Journal, file_stamps
from ssgnet_monai.data.prepare.pixel_budget import PixelBudget

logger = logging.getLogger(__name__)

PROBLEMS_SHOWN = 5
AHEAD = 4
"""Images per thread that are read ahead of the one that is waited for."""
DECODED_PIXELS = 60_000_000
"""Pixels that all threads decode at a time: about 0.6 GB."""
PILLOW_BLOCK = 2**26
"""Bytes in which Pillow takes memory: blocks this large go back to the system when a large picture is dropped."""
JOURNAL = ".prepare_records.jsonl"
FORMAT = 4  # of the records
Subject = TypeVar("Subject")
Result = TypeVar("Result")


def decoding_threads() -> int:
    """Twice the cores of this process, since threads wait for the disk; at most 8."""
    return min(8, 2 * len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)


def for_each_pair(
    function: Callable[[Subject], Result],
    pairs: Sequence[Subject],
    workers: int,
    title: str,
    done: Callable[[Subject, Result], None] | None = None,
) -> list[Result]:
    """Apply ``function`` to all pairs in threads, a bounded number at a time; all refusals are told together.

    Args:
        function: raises ``ValueError`` for a pair that it refuses.
        pairs: images with their masks, or whatever else ``function`` takes.
        workers: threads.
        title: of the progress bar.
        done: called with every pair and its result as soon as they are there, in order.

    Returns:
        The results in the order of the pairs.

    Raises:
        ValueError: the first refusals.
    """
    results, problems = [], []
    with ThreadPoolExecutor(workers) as pool, tqdm(total=len(pairs), desc=title, unit="image", disable=None) as bar:
        for pair, future in _bounded(pool, function, pairs, AHEAD * workers):
            try:
                results.append(future.result())
            except ValueError as error:
                problems.append(str(error))
                if len(problems) > PROBLEMS_SHOWN:
                    pool.shutdown(cancel_futures=True)
                    break
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
            else:
                if done is not None:
                    done(pair, results[-1])
            bar.update()
    if problems:
        more = "at least " if len(problems) > PROBLEMS_SHOWN else ""
        raise ValueError(f"{more}{len(problems)} of {len(pairs)} images: " + " | ".join(problems[:PROBLEMS_SHOWN]))
    return results


def convert_all(
    pairs: Sequence[ImagePair],
    headers: Iterable[Mapping[str, Any]],
    out: Path,
    treatment: Treatment,
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
        treatment: of every image.
        max_megapixels: most millions of pixels of an image.
        workers: threads.

    Returns:
        A record of ``convert_pair`` for every pair.

    Raises:
        ValueError: images that cannot be converted.
    """
    Image.core.set_block_size(PILLOW_BLOCK)
    out.mkdir(parents=True, exist_ok=True)
    settings = [asdict(treatment), __version__, FORMAT]
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
            return convert_pair(pair, out, treatment, max_megapixels)

    for_each_pair(convert, journal.todo, workers, "preparing", journal.note)
    return journal.records()


def _bounded(
    pool: ThreadPoolExecutor, function: Callable[[Subject], Result], pairs: Iterable[Subject], ahead: int
) -> Iterator[tuple[Subject, Future[Result]]]:
    rest = iter(pairs)
    waiting = [(pair, pool.submit(function, pair)) for pair in islice(rest, ahead)]
    while waiting:
        yield waiting.pop(0)
        waiting += [(pair, pool.submit(function, pair)) for pair in islice(rest, 1)]

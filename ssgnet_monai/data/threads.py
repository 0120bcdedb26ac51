"""One function for many images in threads: a bounded number at a time, all refusals told together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from tqdm import tqdm

PROBLEMS_SHOWN = 5
AHEAD = 4
"""Images per thread that are read ahead of the one that is waited for."""
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


def _bounded(
    pool: ThreadPoolExecutor, function: Callable[[Subject], Result], pairs: Iterable[Subject], ahead: int
) -> Iterator[tuple[Subject, Future[Result]]]:
    rest = iter(pairs)
    waiting = [(pair, pool.submit(function, pair)) for pair in islice(rest, ahead)]
    while waiting:
        yield waiting.pop(0)
        waiting += [(pair, pool.submit(function, pair)) for pair in islice(rest, 1)]

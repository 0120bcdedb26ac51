"""Pictures that an adapter derives from its owner's files, such as tiles and crops, made as ``make`` makes files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssgnet_monai import __version__
from ssgnet_monai.data.journal import Journal, file_stamps
from ssgnet_monai.data.threads import decoding_threads, for_each_pair

JOURNAL = "journal.jsonl"


@dataclass(frozen=True)
class StagingJob:
    """What is derived together: a name of its own, and the files that it is derived from."""

    name: str
    sources: tuple[Path, ...]


def stage_pictures(
    jobs: Sequence[StagingJob],
    staging: Path,
    make: Callable[[StagingJob], Mapping[str, Any]],
    settings: Any = None,
    workers: int | None = None,
) -> list[dict[str, Any]]:
    """Derive pictures in threads. What is there from unchanged sources and with the same settings is not made again.

    Args:
        jobs: names differ.
        staging: the adapter's own folder; created.
        make: writes pictures below ``staging``, each atomically, and returns ``{path below staging: facts}``; facts
            are plain JSON. It raises ``ValueError`` for sources that it refuses.
        settings: plain JSON on which the pictures depend.
        workers: threads; by default ``decoding_threads()``.

    Returns:
        What ``make`` returned for each job, now or in an earlier run.

    Raises:
        ValueError: the first refusals, told together.
    """
    staging.mkdir(parents=True, exist_ok=True)
    for stale in sorted(staging.rglob(".*")):  # left by a kill in the middle of a write
        stale.unlink()
    journal = Journal(
        staging / JOURNAL,
        {job: json.dumps([job.name, file_stamps(job.sources), settings, __version__]) for job in jobs},
        lambda made: [staging / name for name in made],
    )
    if journal.todo:
        journal.begin()
        for_each_pair(make, journal.todo, workers or decoding_threads(), "deriving pictures", journal.note)
    return journal.records()

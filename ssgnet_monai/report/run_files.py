"""Reading the files of a run folder: an absent file is ``None`` ("not run"), a broken one an error that names it."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def results_of(place: Path) -> Iterator[None]:
    """Errors of reading what a stage has written name the stage's folder: numbers that are text, lists for groups.

    Raises:
        ValueError: the content is not what a stage writes.
    """
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(
            f"Expected results in {place} as their stage writes them, got others ({error}). Remove the changed files "
            "and run the same experiment again."
        ) from error


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object of a run, with NaN and infinities as ``None``.

    Args:
        path: the file.

    Returns:
        Its content, or ``None`` where the stage has not written it.

    Raises:
        ValueError: the file is there but is not a JSON object.
    """
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except ValueError as error:
        raise ValueError(
            f"Expected a JSON object in {path}, got: {error}. Delete it and run its stage again."
        ) from error
    if not isinstance(content, dict):
        raise ValueError(
            f"Expected a JSON object in {path}, got {type(content).__name__}. Delete it and run its stage again."
        )
    return content


def read_curve(path: Path, max_points: int = 240) -> list[dict[str, float]] | None:
    """The ticks of a ``stats.jsonl``, thinned evenly to what a plot can show; the last tick always stays.

    A line cut short by a kill is left out, as are repeated ticks of a resumed run (the later one counts).

    Args:
        path: one JSON object a line, each with ``kimg``.
        max_points: most ticks to return.

    Returns:
        The ticks by rising ``kimg``, finite numbers only, or ``None`` where the file is absent or empty.
    """
    if not path.is_file():
        return None
    ticks: dict[float, dict[str, float]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            tick = json.loads(line)
        except ValueError:
            continue
        if isinstance(tick, dict) and isinstance(tick.get("kimg"), (int, float)):
            numbers = {name: value for name, value in tick.items() if isinstance(value, (int, float))}
            ticks[tick["kimg"]] = {name: float(value) for name, value in numbers.items() if math.isfinite(value)}
    if not ticks:
        return None
    ordered = [ticks[kimg] for kimg in sorted(ticks)]
    step = math.ceil(len(ordered) / max_points)
    return ordered[::-1][::step][::-1]


def read_benchmarks(files: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Seconds and peak memory per stage from Snakemake's benchmark files.

    Args:
        files: stage -> its file.

    Returns:
        ``[{"stage", "seconds", "cpu_seconds", "peak_memory_mb"}]`` by stage name, one entry a line of a file.
    """
    entries = []
    for stage, path in files.items():
        with open(path, newline="", encoding="utf-8") as file:
            for line in csv.DictReader(file, delimiter="\t"):
                entries.append(
                    {
                        "stage": stage,
                        "seconds": _number(line.get("s")),
                        "cpu_seconds": _number(line.get("cpu_time")),
                        "peak_memory_mb": _number(line.get("max_rss")),
                    }
                )
    return entries


def _number(text: str | None) -> float | None:
    """A benchmark cell; Snakemake writes ``-`` or ``NA`` for jobs too short to be sampled."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None

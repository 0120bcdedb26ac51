"""What ``ssgnet estimate`` writes: a row for each command, and what may be short."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

GIGABYTE = 2**30


@dataclass(frozen=True)
class Part:
    """One command of a stage: seconds per unit, units, and seconds in all; memory in MiB."""

    stage: str
    name: str
    unit: str
    per_unit: float
    units: float
    seconds: float
    memory: float
    gpu_memory: float = 0.0


def format_parts(parts: Sequence[Part]) -> str:
    """An aligned table of stage, seconds per unit, units, time, peak memory."""
    gpu = any(part.gpu_memory for part in parts)
    head = ["stage", "seconds per", "", "units", "time", "memory", *(["GPU memory"] if gpu else [])]
    rows = [
        [
            f"{part.stage}: {part.name}",
            f"{part.per_unit:.3g}",
            part.unit,
            f"{part.units:,.0f}",
            duration(part.seconds),
            f"{part.memory / 1024:.1f} GB",
            *([f"{part.gpu_memory / 1024:.1f} GB"] if gpu else []),
        ]
        for part in parts
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    texts = {0, 2}  # columns that stand on the left
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in texts else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    )


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever a person would say."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def shortages(memory: float, disk: float, run_dir: Path) -> list[str]:
    """Warnings where the machine has less than the run needs.

    Args:
        memory: MiB that stages side by side may take.
        disk: bytes that the run writes.
        run_dir: the run's folder, which need not exist.
    """
    found = []
    free = psutil.virtual_memory().available
    if memory * 2**20 > free:
        found.append(
            f"warning: stages side by side may take {memory / 1024:.1f} GB memory, {free / GIGABYTE:.1f} GB are free. "
            "Use fewer cores (--cores), smaller batches, or close other programs."
        )
    folder = next(path for path in (run_dir, *run_dir.parents) if path.is_dir())
    room = shutil.disk_usage(folder).free
    if disk > room:
        found.append(
            f"warning: the run writes about {disk / GIGABYTE:.1f} GB, {room / GIGABYTE:.1f} GB are free in {folder}. "
            "Make space, or choose another output_dir=FOLDER."
        )
    return found

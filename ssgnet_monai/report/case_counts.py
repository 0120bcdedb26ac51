"""Counts of single test cases, as evaluation wrote them: what two trainings are compared by, case by case."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ssgnet_monai.data.cases import case_names, group_names

_COUNTS = ("tp", "tn", "fp", "fn")


@dataclass(frozen=True)
class CaseCounts:
    """Of one training: the ``cases`` in order, and the counts (cases, K, 4) of every model by its name.

    The background's counts are not in the file: they are 0.
    """

    path: Path
    cases: list[str]
    by_model: dict[str, torch.Tensor]


def read_case_counts(path: Path) -> CaseCounts | None:
    """Read a ``per_case.csv``.

    Args:
        path: the file.

    Returns:
        Its counts; ``None`` where there is no such file or no case in it.

    Raises:
        ValueError: a column or a line of the file is missing or is no number.
    """
    if not path.is_file():
        return None
    cases: dict[str, None] = {}
    classes: dict[str, None] = {}
    rows: dict[str, list[list[float]]] = {}
    try:
        with open(path, newline="", encoding="utf-8") as file:
            for line in csv.DictReader(file):
                cases.setdefault(line["case"])
                classes.setdefault(line["class"])
                rows.setdefault(line["model"], []).append([float(line[name]) for name in _COUNTS])
        by_model = {
            name: torch.nn.functional.pad(
                torch.tensor(numbers, dtype=torch.float64).view(len(cases), len(classes), 4), (0, 0, 1, 0)
            )
            for name, numbers in rows.items()
        }
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"Expected a line with {', '.join(_COUNTS)} for each case, model and class in {path}, got: {error}. "
            "Evaluate this row again."
        ) from error
    return CaseCounts(path, list(cases), by_model) if cases else None


def image_groups(datalist: Mapping[str, Any]) -> dict[str, str]:
    """The group (patient) of every test image, by the name that ``per_image.csv`` has for it."""
    items = datalist.get("test") or []
    return dict(zip((Path(item["image"]).name for item in items), group_names(items), strict=True))


def case_groups(datalist: Mapping[str, Any]) -> dict[str, str]:
    """The group (patient) of every case, by the name that ``per_case.csv`` has for it.

    Args:
        datalist: the run's.
    """
    items: Sequence[Mapping[str, Any]] = [
        item for split in ("training", "validation", "test") for item in datalist.get(split) or []
    ]
    names = (Path(case).name for case in case_names(items))
    return dict(zip(names, group_names(items), strict=True))

"""A table as plain data: caption, heads, cells. The template only draws it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ssgnet_monai.report.number_format import MISSING, count, fixed, signed

Part = tuple[str, float | None]
"""Text of a cell and, where it is a number, the exact value that ``report.json`` holds."""


@dataclass
class Cell:
    """One table cell: parts of text or numbers, small marks behind them, and a ``shade`` from 0 to 1."""

    parts: list[Part]
    marks: list[str] = field(default_factory=list)
    shade: float | None = None

    @property
    def numeric(self) -> bool:
        """Whether the cell is set right-aligned, as a number; a blank one stands among numbers."""
        return any(value is not None for _, value in self.parts) or self.parts in ([(MISSING, None)], [("", None)])


@dataclass
class Table:
    """A table: ``rows`` start with their row head; ``groups`` are (title, span) over the columns after the first."""

    caption: str
    columns: list[str]
    rows: list[list[Cell]]
    groups: list[tuple[str, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    strong_rows: set[int] = field(default_factory=set)


def text(content: Any, *marks: str) -> Cell:
    """A cell of words."""
    return Cell([(MISSING if content is None or content == "" else str(content), None)], list(marks))


def number(value: float | None, form: Callable[[float | None], str] = fixed) -> Cell:
    """A cell of one number, written by ``form``."""
    return Cell([(form(value), value)])


def mean_sd(stat: dict[str, Any] | None, form: Callable[[float | None], str] = fixed) -> Cell:
    """A cell ``mean ± sd`` (the mean alone where all values agree or there is one)."""
    if not stat or stat.get("mean") is None:
        return Cell([(MISSING, None)])
    parts: list[Part] = [(form(stat["mean"]), stat["mean"])]
    if stat.get("sd"):
        parts += [(" ± ", None), (form(stat["sd"]), stat["sd"])]
    return Cell(parts)


def difference(mean: float, interval: list[float] | None, *marks: str) -> Cell:
    """A cell ``difference [low, high]`` with signs."""
    parts: list[Part] = [(signed(mean), mean)]
    if interval:
        low, high = interval
        parts += [(" [", None), (signed(low), low), (", ", None), (signed(high), high), ("]", None)]
    return Cell(parts, list(marks))


def value(content: Any) -> Cell:
    """A cell of a setting: a count where it is a number, text otherwise."""
    return number(content, count) if isinstance(content, (int, float)) else text(said(content))


def said(content: Any) -> str:
    """A value in running text; several values (seeds that differ) are joined."""
    if isinstance(content, list):
        return " / ".join(map(str, content))
    return MISSING if content is None else str(content)

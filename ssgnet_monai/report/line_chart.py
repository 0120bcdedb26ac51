"""A small line chart as inline SVG: no plotting library, colours from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

HEIGHT = 220
RIGHT, TOP, BOTTOM = 12, 14, 36
TITLE, DIGIT, LETTER = 20, 7, 6  # widths of the turned title and of one character of the scale and of a name


@dataclass
class Line:
    """One line of a chart; ``style`` is a CSS class (``a``..``d``, ``ideal``), ``rings`` are points to circle.

    ``spans`` are upright intervals, one a point, and ``labels`` small words over the points; both may be empty.
    """

    name: str
    x: list[float]
    y: list[float]
    style: str = "a"
    points: bool = False
    rings: tuple[float, ...] = ()
    joined: bool = True
    spans: list[tuple[float, float]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)


def line_chart(
    lines: list[Line],
    label: str,
    x_title: str,
    y_title: str,
    y_range: tuple[float, float] | None = None,
    whole_x: bool = False,
    width: int = 360,
    x_names: Sequence[str] = (),
    log_x: bool = False,
) -> str:
    """Draw lines over a light grid.

    Args:
        lines: what to draw; lines without points are skipped.
        label: the chart in one sentence, for readers who do not see it.
        x_title: quantity and unit of the horizontal axis.
        y_title: quantity and unit of the vertical axis.
        y_range: vertical limits; taken from the lines when ``None``.
        whole_x: mark whole numbers only, such as rounds.
        width: of the drawing, in its own units; text is 11 units high.
        x_names: names under 0, 1, ... in place of a horizontal scale.
        log_x: a logarithmic horizontal scale, marked where there are points.

    Returns:
        An ``<svg>`` element whose text is escaped; empty where no line has a point.
    """
    lines = [line for line in lines if line.x]
    if not lines:
        return ""
    scaled: Callable[[float], float] = math.log10 if log_x else float
    across_all = sorted({x for line in lines for x in line.x})
    x_low, x_high = _padded(scaled(across_all[0]), scaled(across_all[-1]), 0.04 if whole_x or log_x else 0)
    if x_names:
        x_low, x_high = -0.5, len(x_names) - 0.5
    y_low, y_high = y_range or value_range([y for line in lines for y in line.y])

    scale = _labelled_ticks(y_low, y_high)
    left = TITLE + DIGIT * max((len(words) for _, words in scale), default=0)

    def place(x: float, y: float) -> tuple[float, float]:
        across = left + (scaled(x) - x_low) / (x_high - x_low) * (width - left - RIGHT)
        return round(across, 2), round(TOP + (y_high - y) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM), 2)

    parts = [f'<svg class="chart" viewBox="0 0 {width} {HEIGHT}" role="img" aria-label="{escape(label)}">']
    for tick, words in scale:
        _, down = place(across_all[0], tick)
        parts.append(f'<path class="grid" d="M{left} {down}H{width - RIGHT}"/>')
        parts.append(f'<text x="{left - 6}" y="{down + 3.5}" text-anchor="end">{words}</text>')
    room = int((width - left - RIGHT) / LETTER / max(len(x_names), 1))
    named: list[tuple[float, str]] = [
        (i, name if len(name) <= room else f"{name[: room - 1]}…") for i, name in enumerate(x_names)
    ]
    if log_x:
        named = [(x, f"{x:g}") for x in across_all]
    taken = -math.inf
    for tick, words in named or _labelled_ticks(x_low, x_high, whole=whole_x):
        across, _ = place(tick, y_low)
        if log_x and across - DIGIT * len(words) / 2 < taken:
            continue  # it would stand on the one before it
        taken = across + DIGIT * (len(words) + 1) / 2
        parts.append(f'<text x="{across}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{escape(words)}</text>')
    parts.append(f'<path class="axis" d="M{left} {HEIGHT - BOTTOM}H{width - RIGHT}"/>')
    middle = (left + width - RIGHT) / 2
    parts.append(f'<text class="title" x="{middle}" y="{HEIGHT - 5}" text-anchor="middle">{escape(x_title)}</text>')
    centre = (TOP + HEIGHT - BOTTOM) / 2
    turned = f'transform="translate(11 {centre}) rotate(-90)" text-anchor="middle"'
    parts.append(f'<text class="title" {turned}>{escape(y_title)}</text>')
    for line in lines:
        places = [place(x, y) for x, y in zip(line.x, line.y, strict=True)]
        if line.joined:
            path = "M" + "L".join(f"{x} {y}" for x, y in places)
            parts.append(f'<path class="line {line.style}" d="{path}"/>')
        for x, (low, high) in zip(line.x, line.spans, strict=False):
            (across, bottom), (_, top) = place(x, low), place(x, high)
            ends = f"M{across - 5} {top}h10M{across - 5} {bottom}h10"
            parts.append(f'<path class="span {line.style}" d="M{across} {bottom}V{top}{ends}"/>')
        for (across, down), words in zip(places, line.labels, strict=False):
            above = f'x="{across}" y="{round(down - 7, 2)}"'
            parts.append(f'<text class="over" {above} text-anchor="middle">{escape(words)}</text>')
        for x, (across, down) in zip(line.x, places, strict=True):
            if x in line.rings:
                parts.append(f'<circle class="ring {line.style}" cx="{across}" cy="{down}" r="7.5"/>')
            if line.points:
                parts.append(_marker(line.style, across, down))
    return "".join([*parts, "</svg>"])


def value_range(values: list[float]) -> tuple[float, float]:
    """Vertical limits that hold all values with a margin; below zero only where a value is."""
    low, high = _padded(min(values), max(values), 0.08)
    return (max(low, 0.0) if min(values) >= 0 else low), high


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) between two limits."""
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if (high - low) / (power * factor) <= most + 1e-9)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def _marker(style: str, across: float, down: float) -> str:
    if style == "b":
        return f'<rect class="dot b" x="{across - 3.2}" y="{down - 3.2}" width="6.4" height="6.4"/>'
    return f'<circle class="dot {style}" cx="{across}" cy="{down}" r="3.6"/>'


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    if high - low < 1e-9:
        half = max(abs(low) * 0.05, 0.01)
        return low - half, high + half
    return low - share * (high - low), high + share * (high - low)


def _labelled_ticks(low: float, high: float, whole: bool = False) -> list[tuple[float, str]]:
    """Ticks with their texts, all with the same number of decimals."""
    places = [tick for tick in ticks(low, high) if not whole or tick == round(tick)]
    decimals = max((len(f"{tick:.8g}".partition(".")[2]) for tick in places), default=0)
    return [(tick, f"{tick:.{decimals}f}".replace("-", "\u2212")) for tick in places]

"""The plot of Dice by number of labelled images: what more labels would bring, and what a method brings instead."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ssgnet_monai.data.names import folder_name
from ssgnet_monai.report.figures import Panel, Plot
from ssgnet_monai.report.line_chart import Line, line_chart, value_range
from ssgnet_monai.report.segmentation_row import mean_dice

CONTROL = "equal_total_steps"
_STYLES = "abcd"


def label_plot(rows: Sequence[dict[str, Any]], settings: Mapping[str, Mapping[str, Any]]) -> Plot | None:
    """Mean test Dice over cases by labelled images: a panel a network, a line a method, intervals upright.

    Args:
        rows: entries of ``segmentation_row``.
        settings: rows of the experiment, by name; rows that differ in more than their labelled images share no line.

    Returns:
        The plot, or ``None`` where no two evaluated rows differ in their labelled images alone.
    """
    panels: dict[str, list[list[dict[str, Any]]]] = {}
    for of_line in _alike(rows, settings):
        if len({row["masks"]["training"] for row in of_line}) > 1:
            panels.setdefault(of_line[0]["network"] or "the bundle’s own network", []).append(of_line)
    if not panels:
        return None
    styles: dict[str, str] = {}
    drawn = {network: _lines(lines, styles) for network, lines in panels.items()}
    ends = [y for lines in drawn.values() for line in lines for y in (*line.y, *(end for s in line.spans for end in s))]
    learned = "masks to learn from" if rows[0]["case"] == "volume" else "labelled images"
    found = []
    for network, lines in drawn.items():
        label = f"Mean test Dice by number of {learned}, {network}: {', '.join(map(_said, lines))}"
        svg = line_chart(lines, label, f"number of {learned}", "Dice, test", value_range(ends), log_x=True)
        found.append(Panel(network, svg))
    caption = (
        f"Dice by number of {learned}: mean over test {rows[0]['case']}s of the chosen model, with its 95% interval "
        "over seeds and cases. The intervals of two methods overlap even where their difference is clear, as both meet "
        "the same cases: the table above has the differences. The horizontal scale is logarithmic, the upright one "
        "does not start at zero."
    )
    return Plot(caption, found, [(style, name) for name, style in styles.items()])


def _alike(rows: Sequence[dict[str, Any]], settings: Mapping[str, Mapping[str, Any]]) -> list[list[dict[str, Any]]]:
    """Evaluated rows in groups of those that differ in their labelled images alone, the fewest first."""
    by_folder = {folder_name(name): row or {} for name, row in settings.items()}
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if mean_dice(row["chosen"]) and row["masks"]["training"]:
            own = by_folder.get(row["row"], {})
            key = [row["network"], row["method"], row["profile"], own.get("config") or {}]
            groups.setdefault(json.dumps(key, sort_keys=True, default=str), []).append(row)
    return [sorted(group, key=lambda row: row["masks"]["training"]) for group in groups.values()]


def _lines(groups: list[list[dict[str, Any]]], styles: dict[str, str]) -> list[Line]:
    lines = []
    for rows in groups:
        method = rows[0]["method"] or "chosen"
        several = sum(other[0]["method"] == rows[0]["method"] for other in groups) > 1
        name = f"{method} ({rows[0]['row']} …)" if several else method
        spans = [row["interval"]["ci95"] for row in rows if row["interval"] and row["interval"]["ci95"]]
        dice = [stat["mean"] for row in rows if (stat := mean_dice(row["chosen"]))]
        line = Line(name, [row["masks"]["training"] for row in rows], dice, points=True)
        line.spans = [(low, high) for low, high in spans] if len(spans) == len(rows) else []
        lines.append(line)
        controls = [(row, entry) for row in rows for entry in row["comparisons"] if entry["control"] == CONTROL]
        if len(controls) == len(rows):
            y = [entry["dice"]["mean"] for _, entry in controls]
            lines.append(Line(f"{name}: its control of equal total steps", line.x, y, points=True))
    for line in lines:
        line.style = styles.setdefault(line.name, _STYLES[len(styles) % len(_STYLES)])
    return lines


def _said(line: Line) -> str:
    return f"{line.name} from {line.y[0]:.3f} to {line.y[-1]:.3f}"

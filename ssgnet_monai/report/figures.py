"""The plots of the report: Dice by round, and what happened while a generator was trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ssgnet_monai.report.line_chart import Line, line_chart, value_range

_STYLES = {"pseudo_label": "a", "real_only": "b"}
_NAMES = {"pseudo_label": "pseudo-labels", "real_only": "real only (control)"}


@dataclass
class Panel:
    """One chart with its title."""

    title: str
    svg: str


@dataclass
class Plot:
    """Panels that share a caption and a legend of (CSS class, name), whose samples are lines or ``markers``."""

    caption: str
    panels: list[Panel]
    legend: list[tuple[str, str]]
    markers: bool = False


def dice_plot(row: dict[str, Any]) -> Plot | None:
    """Pooled Dice by round, validation and test in separate panels with one scale.

    Args:
        row: an entry of ``segmentation_row``.

    Returns:
        The plot, or ``None`` where no round is finished.
    """
    validation = {(e["arm"], e["round"]): e["val_dice"] for e in row["validation"]}
    test: dict[tuple[str, int], Any] = {}
    rings: dict[str, tuple[float, ...]] = {}
    for entry in row["test"]:
        arm, _, index = entry["checkpoint"].partition("/round_")
        if index.isdigit():
            test[arm, int(index)] = entry["pooled"]["dice"]
            if entry["chosen_in"] or entry["control_in"]:
                rings[arm] = (*rings.get(arm, ()), float(index))
    parts = {"Validation": _arm_lines(validation, {}), "Test": _arm_lines(test, rings)}
    values = [y for lines in parts.values() for line in lines for y in line.y]
    if not values:
        return None
    panels = []
    for split, lines in parts.items():
        label = f"{split} Dice by round for {row['row']}: {_from_to(lines)}"
        svg = line_chart(lines, label, "round", f"Dice, {split.lower()}", value_range(values), whole_x=True)
        panels.append(Panel(split, svg))
    chosen = " A ring marks the chosen rounds." if rings else ""
    mean = " Points are means over seeds." if len(row["seeds"]) > 1 else ""
    over = " Dice is pooled here, as validation looks at it" + (
        ", and a mean over classes." if len(row["labels"]) > 2 else "."
    )
    caption = (
        f"Dice by round, {row['row']}.{over} Both arms start from the baseline, round 0; the scale does not start at "
        f"zero.{mean}{chosen}"
    )
    return Plot(caption, [panel for panel in panels if panel.svg], [(_STYLES[arm], _NAMES[arm]) for arm in _STYLES])


def training_plot(entry: dict[str, Any]) -> Plot | None:
    """Losses, augmentation strength and the overfitting sign r_t of one generator over kimg.

    Args:
        entry: a class of ``report.json``'s ``synthesis``.

    Returns:
        The plot, or ``None`` where no training curve was written.
    """
    curve = entry["curve"]
    if not curve:
        return None
    contents = (
        ("Losses", "loss", (("loss_g", "generator loss", "a"), ("loss_d", "discriminator loss", "b"))),
        ("Augmentation", "ADA probability p", (("ada_p", "ADA p", "c"),)),
        ("Overfitting sign", "r_t = E[sign D(real)]", (("ada_rt", "ADA r_t", "d"),)),
    )
    panels, legend = [], []
    for title, y_title, names in contents:
        lines = []
        for key, name, style in names:
            ticks = [tick for tick in curve if key in tick]
            lines.append(Line(name, [tick["kimg"] for tick in ticks], [tick[key] for tick in ticks], style))
        label = f"{title} over thousands of training images, generator {entry['class']}: {_from_to(lines)}"
        if svg := line_chart(lines, label, "kimg", y_title, width=290):
            panels.append(Panel(title, svg))
            legend += [(line.style, line.name) for line in lines if line.x]
    if not panels:
        return None
    caption = f"Training of generator {entry['class']}, over thousands of real images seen (kimg)."
    return Plot(caption, panels, legend)


def _arm_lines(scores: dict[tuple[str, int], Any], rings: dict[str, tuple[float, ...]]) -> list[Line]:
    """A line an arm; the control starts at the shared baseline where it has no round 0 of its own."""
    lines = []
    for arm, style in _STYLES.items():
        points = {index: stat["mean"] for (name, index), stat in scores.items() if name == arm and stat}
        start = scores.get(("pseudo_label", 0))
        if points and 0 not in points and start:
            points[0] = start["mean"]
        rounds = sorted(points)
        line = Line(_NAMES[arm], [float(r) for r in rounds], [points[r] for r in rounds], style, points=True)
        line.rings = rings.get(arm, ())
        lines.append(line)
    return lines


def _from_to(lines: list[Line]) -> str:
    """The lines in words, for readers who do not see them."""
    return ", ".join(f"{line.name} from {line.y[0]:.3f} to {line.y[-1]:.3f}" for line in lines if line.y)

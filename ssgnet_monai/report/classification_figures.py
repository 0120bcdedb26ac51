"""The plots of a classifier: macro-F1 by setting, and whether its probabilities mean what they say."""

from __future__ import annotations

from typing import Any

from ssgnet_monai.report.classification_row import ORIGINAL
from ssgnet_monai.report.figures import Panel, Plot
from ssgnet_monai.report.line_chart import Line, line_chart, value_range
from ssgnet_monai.report.number_format import count, fixed, signed


def score_plot(row: dict[str, Any]) -> Plot | None:
    """Macro-F1 of every setting and its difference to original: a point a seed, their mean and its interval.

    Args:
        row: an entry of ``classification_row``.

    Returns:
        The plot, or ``None`` where no setting is evaluated.
    """
    scores = [(s["name"], s["macro_f1"]) for s in row["settings"] if s["macro_f1"]]
    differences = [
        (s["name"], s["difference"]["macro_f1"])
        for s in row["settings"]
        if s["setting"] != ORIGINAL and s["difference"] and s["difference"]["macro_f1"]
    ]
    if not scores:
        return None
    panels = [Panel("Macro-F1 on test", _by_setting(scores, f"Macro-F1 by setting for {row['row']}", "macro-F1"))]
    if differences:
        label = f"Macro-F1 minus original by setting for {row['row']}"
        panels.append(
            Panel("Difference to original", _by_setting(differences, label, "macro-F1 − original", zero=True))
        )
    several = any(len(stat["values"]) > 1 for _, stat in scores)
    caption = (
        f"Macro-F1 by setting, {row['row']}. Where the interval of a difference crosses the dashed zero line, no "
        "difference is seen. The left scale does not start at zero, and its intervals may overlap even "
        "where a difference is clear: both settings meet the same test images."
    )
    legend = [("a", "mean over seeds with 95% interval" if several else "one seed with 95% interval")]
    return Plot(caption, panels, [*legend, *([("b", "one seed")] if several else [])], markers=True)


def reliability_plot(row: dict[str, Any]) -> Plot | None:
    """Share of right answers against the classifier's own probability, one panel a setting.

    Args:
        row: an entry of ``classification_row``.

    Returns:
        The plot, or ``None`` where no calibration was measured.
    """
    calibrated = [s for s in row["settings"] if s["calibration"] and s["calibration"]["bins"]]
    if not calibrated:
        return None
    lowest = min(entry["low"] for s in calibrated for entry in s["calibration"]["bins"])
    panels = []
    for setting in calibrated:
        bins, ece = setting["calibration"]["bins"], setting["calibration"]["ece"]
        confidence, right = ([entry[name] for entry in bins] for name in ("confidence", "accuracy"))
        found = Line("this classifier", confidence, right, points=True, labels=[count(entry["n"]) for entry in bins])
        ideal = Line("perfect", [lowest, 1.0], [lowest, 1.0], "ideal")
        name = setting["name"] if ece is None else f"{setting['name']}, ECE {fixed(ece['mean'])}"
        words = ", ".join(f"{fixed(c, 2)} to {fixed(r, 2)}" for c, r in zip(confidence, right, strict=True))
        label = f"Reliability of {row['row']}, {name}: probability to share right, {words}"
        svg = line_chart([ideal, found], label, "predicted probability", "share right", (0.0, 1.12), width=290)
        panels.append(Panel(name, svg))
    seeds = " The seeds are put together: each test image counts once a seed." if len(row["seeds"]) > 1 else ""
    caption = (
        f"Reliability, {row['row']}. Of the answers given with a probability of 0.8, 80 of 100 should be right: points "
        "under the dashed line are overconfident. The figure over a point is the number of its test images; points of "
        f"few images mean little.{seeds} ECE: expected calibration error, the mean distance to the line."
    )
    return Plot(caption, panels, [("a", "this classifier"), ("ideal", "probability equals share right")])


def _by_setting(scores: list[tuple[str, dict[str, Any]]], label: str, y_title: str, zero: bool = False) -> str:
    form = signed if zero else fixed
    names = [name for name, _ in scores]
    places = sorted(range(len(scores)), key=lambda index: scores[index][1]["interval"] is None)  # intervals first
    lines = [
        Line(
            "mean",
            [float(index) for index in places],
            [scores[index][1]["mean"] for index in places],
            points=True,
            joined=False,
            spans=[(stat["interval"][0], stat["interval"][1]) for _, stat in scores if stat["interval"]],
        )
    ]
    for index, (_, stat) in enumerate(scores):
        values = stat["values"]
        if len(values) > 1:
            beside = [index + 0.14 + 0.2 * seed / (len(values) - 1) for seed in range(len(values))]
            lines.append(Line("one seed", beside, values, "b", points=True, joined=False))
    if zero:
        lines.insert(0, Line("zero", [-0.5, len(names) - 0.5], [0.0, 0.0], "ideal"))
    ends = [end for line in lines for span in line.spans for end in span] + [y for line in lines for y in line.y]
    if zero:
        ends.append(-max(abs(end) for end in ends) / 20)  # the zero line stands clear of the axis
    words = ", ".join(f"{name} {form(stat['mean'])}" for name, stat in scores)
    return line_chart(lines, f"{label}: {words}", "training images", y_title, value_range(ends), x_names=names)

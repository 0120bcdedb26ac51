"""Dice by number of labelled images: what shares a line, the scale, intervals, and the page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from ssgnet_monai.report import write_report
from ssgnet_monai.report.collect import collect
from ssgnet_monai.report.label_figure import label_plot
from ssgnet_monai.report.line_chart import Line, line_chart
from tests.report.conftest import add_control, add_segmentation, write

Build = Callable[..., Path]


def several(run: Path, *more: dict) -> Path:
    """Rows of 30 and 120 labelled images with rounds and their controls, of which 120 has the better one."""
    add_segmentation(run, "unet_120", 0, (0.6, 0.61, 0.63), 0.61, 0.02, num_labeled=120)
    add_control(run, "longer_30", 0, 0.54)
    add_control(run, "longer_120", 0, 0.62)
    rows = {f"unet_{n}": {"network": "unet", "method": "rounds", "config": {}} for n in (30, 120)}
    for name, row in rows.items():
        row["controls"] = {"equal_total_steps": name.replace("unet", "longer")}
    for name, changes in zip(("unet_120", "unet_30"), more, strict=False):
        rows[name] |= changes
    path = run / "experiment.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["config"]["segmentation"] = rows
    write(path, content)
    return run


def plot_of(run: Path):
    report = collect(run)
    return label_plot(report["segmentation"], report["experiment"]["config"]["segmentation"])


def test_rows_that_differ_in_labelled_images_share_a_line(build_run: Build) -> None:
    run = several(build_run())
    plot = plot_of(run)
    assert plot is not None
    assert [panel.title for panel in plot.panels] == ["unet"]
    assert [name for _, name in plot.legend] == ["rounds", "rounds: its control of equal total steps"]
    svg = plot.panels[0].svg
    assert "rounds from 0.530 to 0.609" in svg
    assert "equal total steps from 0.519 to 0.599" in svg
    assert re.findall(r'text-anchor="middle">(\d+)<', svg) == ["30", "120"]
    assert svg.count('class="span a"') == 2
    page = write_report(run).read_text(encoding="utf-8")
    assert page.count("Mean test Dice by number of labelled images, unet") == 1
    assert page.index("number of labelled images: mean over test pictures") < page.index("What was run</h2>")


def test_rows_that_differ_in_more_have_no_figure(build_run: Build) -> None:
    run = several(build_run(), {"config": {"steps": 9}})
    assert plot_of(run) is None
    assert "number of labelled images" not in write_report(run).read_text(encoding="utf-8")


def test_one_number_of_labelled_images_is_no_curve(build_run: Build) -> None:
    report = collect(build_run())
    assert label_plot(report["segmentation"], {}) is None
    assert label_plot([], {}) is None


def test_a_logarithmic_scale_is_even_by_factors_and_names_points_that_have_room() -> None:
    svg = line_chart(
        [Line("a", [10.0, 100.0, 1000.0, 1010.0], [0.1, 0.2, 0.3, 0.4], points=True)], "l", "x", "y", log_x=True
    )
    across = [float(x) for x in re.findall(r'<circle class="dot a" cx="([\d.]+)"', svg)]
    assert abs((across[1] - across[0]) - (across[2] - across[1])) < 0.02
    assert re.findall(r'text-anchor="middle">(\d+)<', svg) == ["10", "100", "1000"]

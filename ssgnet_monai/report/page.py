"""One self-contained page from one dict: no script, no network, every inserted text escaped."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ssgnet_monai.data.atomic_write import atomic_path, write_json
from ssgnet_monai.pipeline.layout import RunLayout
from ssgnet_monai.report import class_tables, classification_tables, segmentation_tables, tables
from ssgnet_monai.report.classification_figures import reliability_plot, score_plot
from ssgnet_monai.report.collect import collect
from ssgnet_monai.report.figures import dice_plot, training_plot
from ssgnet_monai.report.label_figure import label_plot
from ssgnet_monai.report.overview import write_overview
from ssgnet_monai.report.pictures import CLASS_COLOURS, class_grids, class_style, outlined_examples
from ssgnet_monai.report.run_files import results_of
from ssgnet_monai.report.segmentation_row import checkpoint_name

logger = logging.getLogger(__name__)


def write_report(run_dir: str | Path) -> Path:
    """Write ``report.html``, ``report.json`` and ``overview.png`` into a run folder, from the results that are there.

    Args:
        run_dir: the experiment's folder. Stages that have not run are shown as "not run".

    Returns:
        The path of ``report.html``; ``report.json`` lies beside it and holds every number shown.

    Raises:
        NotADirectoryError: ``run_dir`` is not a folder.
        ValueError: a results file or a picture is there but unreadable.
    """
    run_dir = Path(run_dir)
    with results_of(run_dir):
        report = collect(run_dir)
        grids = class_grids(run_dir, report["synthesis"])
        examples = {row["row"]: _examples(run_dir, row) for row in report["segmentation"]}
        for row in report["segmentation"]:
            row["examples"] = [example.numbers() for example in examples[row["row"]]]
        page = render(report, grids, examples)
    run = RunLayout(run_dir)
    write_overview(run.overview, grids, next((found for found in examples.values() if found), []))
    write_json(run.report_data, report)
    target = run.report
    with atomic_path(target) as temporary:
        temporary.write_text(page, encoding="utf-8")
    logger.info("Wrote %s (%.1f MB)", target, target.stat().st_size / 1e6)
    return target


def render(report: dict[str, Any], grids: list[Any], examples: dict[str, list[Any]]) -> str:
    """The page as text.

    Args:
        report: what ``collect`` returned.
        grids: what ``class_grids`` returned.
        examples: what ``outlined_examples`` returned, by row name.

    Returns:
        HTML with its style sheet, plots and pictures inside.
    """
    environment = Environment(
        loader=PackageLoader("ssgnet_monai.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        tables=tables,
        segmentation_tables=segmentation_tables,
        class_tables=class_tables,
        class_colours=CLASS_COLOURS,
        class_style=class_style,
        classification_tables=classification_tables,
        checkpoint_name=checkpoint_name,
    )
    synthesis = [(entry, training_plot(entry)) for entry in report["synthesis"]]
    segmentation = [(row, dice_plot(row), examples[row["row"]]) for row in report["segmentation"]]
    classification = [(row, score_plot(row), reliability_plot(row)) for row in report["classification"]]
    by_labels = label_plot(report["segmentation"], report["experiment"]["config"].get("segmentation") or {})
    template = environment.get_template("report.html.j2")
    return template.render(
        report=report,
        grids=grids,
        synthesis=synthesis,
        segmentation=segmentation,
        by_labels=by_labels,
        classification=classification,
    )


def _examples(run_dir: Path, row: dict[str, Any]) -> list[Any]:
    """The pictures of the first seed that has any."""
    for seed in row["seeds"]:
        if found := outlined_examples(RunLayout(run_dir).segmentation(row["row"], seed), row["labels"]):
            return found
    return []

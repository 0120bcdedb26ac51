"""Test scores of each class: overlap and surface distances of the chosen models, and all-class means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ssgnet_monai.report.number_format import MISSING, fixed, significant
from ssgnet_monai.report.segmentation_row import MEASURES, UNITS
from ssgnet_monai.report.segmentation_tables import mean_spread
from ssgnet_monai.report.table import Cell, Table, mean_sd, number, text

_MODELS = {"baseline": "Baseline", "chosen": "Chosen", "control": "Better control"}


def class_table(row: dict[str, Any]) -> Table:
    """Dice and surface distances: the mean over the foreground classes, then each class."""
    units = [unit for unit in UNITS if any(_distance(scores, unit) for _, scores in _models(row))]
    classes = row["labels"][1:] if len(row["labels"]) > 2 else []
    whole = "All classes, mean" if classes else (row["labels"] or ["background", "foreground"])[1]
    cells = [_line(whole, name, scores, units) for name, scores in _models(row)]
    strong = set(range(len(cells)))
    for label in classes:
        cells += [
            _line(label, name, scores["classes"][label], units)
            for name, scores in _models(row)
            if label in scores["classes"]
        ]
    words = {"mm": "mm", "voxels": "voxels" if row["case"] == "volume" else "pixels"}
    distances = [(f"Distance, {words[unit]}", 2) for unit in units]
    return Table(
        caption=f"Test scores by class, {row['row']}" if classes else f"Surface distances on test, {row['row']}",
        columns=["Class", "Model", "Dice", "IoU", *("HD95", "ASSD") * len(units), "Undefined", "Absent"],
        groups=[("", 1), ("Per case, mean (sd)", 2), *distances, ("Left out", 2)],
        rows=cells,
        strong_rows=strong,
        notes=[
            "HD95: 95th percentile of the distances between the surfaces of mask and truth, ASSD: their mean, both "
            "ways; 0 is perfect. They are measured on the grid on which the network works. Undefined: masks of which "
            "either truth or prediction is empty, so that there is no distance; they are counted, not averaged. "
            "Absent: cases that are in no mean of Dice, because truth and prediction both lack the class."
            + (" Counts are means over seeds." if len(row["seeds"]) > 1 else "")
        ],
    )


def macro_table(row: dict[str, Any]) -> Table:
    """Means over all classes, the background among them: the other form found in papers."""
    entries = [*row["references"], *row["test"]]
    two = len(row["labels"]) <= 2
    return Table(
        caption=f"{'Two-class means' if two else 'Means over all classes'} on test, {row['row']}",
        columns=["Method", "Dice", "IoU"],
        rows=[
            [text(entry["name"]), *(mean_sd(entry.get("macro", {}).get(name)) for name in ("dice", "iou"))]
            for entry in entries
        ],
        notes=[
            f"Mean of the background's and the foreground's {'score' if two else 'scores'}, pooled. On small lesions "
            "it lies far above the foreground's alone: never compare it with the pooled foreground table."
        ],
    )


def has_distances(row: dict[str, Any]) -> bool:
    """Whether any model of the row has surface distances, or none because a mask is empty."""
    return any(scores["distances"]["n_undefined"] for _, scores in _models(row))


def _models(row: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    names = _MODELS if row["baseline"] or row["control"] else {"chosen": "Trained model"}
    same = row["better"] and row["better"]["control"] == "equal_steps"  # the better control is the baseline
    return ((name, row[part]) for part, name in names.items() if row[part] and not (same and part == "control"))


def _line(label: str, model: str, scores: dict[str, Any], units: list[str]) -> list[Cell]:
    distances = [
        mean_spread(scores["distances"], f"{measure}_{unit}", significant) for unit in units for measure in MEASURES
    ]
    left_out = [_times(scores["distances"]["n_undefined"]), _times(scores["per_case"]["n_absent"])]
    overlap = [mean_spread(scores["per_case"], name) for name in ("dice", "iou")]
    return [text(label), text(model), *overlap, *distances, *left_out]


def _distance(scores: dict[str, Any], unit: str) -> Any:
    return scores["distances"][f"{MEASURES[0]}_{unit}_mean"]


def _times(stat: dict[str, Any] | None) -> Cell:
    """A count, the mean over seeds."""
    if stat is None:
        return Cell([(MISSING, None)])
    return number(stat["mean"], lambda times: fixed(times, 0 if times == round(times or 0) else 1))

"""The classification tables: the answer, test scores, differences, classes, confusion, calibration."""

from __future__ import annotations

from typing import Any

from ssgnet_monai.report.classification_row import MEASURES, PER_CLASS
from ssgnet_monai.report.classification_summary import verdict_of
from ssgnet_monai.report.number_format import MISSING, count, fixed
from ssgnet_monai.report.published_classification import paired_classes
from ssgnet_monai.report.table import Cell, Table, difference, mean_sd, number, said, text, value

_RESOLVES = (
    "Intervals: 10 000 resamples of seeds and of test images with all images of a patient together; of one seed, of "
    "test images alone. Resolves: half of the interval’s width, the true difference that this test would show in half "
    "of all repetitions; one 1.4 times as large in four of five."
)
_TITLES = ("Accuracy", "Macro-F1", "ROC-AUC")


def equal_steps(rows: list[dict[str, Any]]) -> bool:
    """Whether the settings of each row had one number of optimiser steps."""
    return not any(isinstance(row["steps"], list) for row in rows)


def overview_table(rows: list[dict[str, Any]]) -> Table:
    """One line a setting of every row: macro-F1 on test and its difference to original."""
    cells = [
        [
            text(f"{row['row']}: {setting['name']}"),
            _score(setting["macro_f1"]),
            *_difference_cells(setting),
            number(len(setting["seeds"]), count),
        ]
        for row in rows
        for setting in row["settings"]
    ]
    same = "network, number of optimiser steps and" if equal_steps(rows) else "network and"
    return Table(
        caption="The answer in one table: macro-F1 on test",
        columns=["Setting", "Macro-F1", "Difference to original [95% CI]", "Resolves", "Seeds"],
        rows=cells,
        notes=[
            f"Original: real images alone. All settings had the same {same} test images. Gain or loss: the interval "
            f"lies on one side of zero. {_RESOLVES}"
        ],
    )


def given_table(row: dict[str, Any]) -> Table:
    """Real and synthetic training images of each class in every setting."""
    origins = ("real", "synthetic")
    return Table(
        caption=f"What {row['row']} was trained on",
        columns=["Setting", *2 * row["classes"], "Optimiser steps", "Best checkpoint at step", "Random seeds"],
        groups=[*((f"{origin.capitalize()} images", len(row["classes"])) for origin in origins), ("", 3)],
        rows=[
            [
                text(setting["name"]),
                *(value(setting["train_counts"][o]["by_class"][name]) for o in origins for name in row["classes"]),
                value(row["steps"]),
                mean_sd(setting["best_step"], count),
                text(", ".join(map(str, setting["seeds"]))),
            ]
            for setting in row["settings"]
            if setting["seeds"]
        ],
        notes=["The step budget is the same for all settings; validation only chose the checkpoint."]
        if equal_steps([row])
        else [],
    )


def test_table(row: dict[str, Any]) -> Table:
    """Test scores of every setting, the difference to original, and what always the same answer would score."""
    cells = []
    for setting in row["settings"]:
        missing = len(row["seeds"]) - len(setting["seeds"])
        marks = [f"{len(setting['seeds'])} of {len(row['seeds'])} seeds"] if missing else []
        given = [value(setting["train_counts"][origin]["all"]) for origin in ("real", "synthetic")]
        scores = [_score(setting[name]) for name in MEASURES]
        cells.append([text(setting["name"], *marks), *given, *scores, *_difference_cells(setting)])
    majority = [number(row["majority_class"][name]) for name in MEASURES[:2]]
    cells.append([text("Always the most frequent class"), text(None), text(None), *majority, *3 * [text(None)]])
    seeds = len(row["seeds"])
    form = (
        f"Mean ± standard deviation over {seeds} seeds."
        if seeds > 1
        else "One seed, which is no evidence; in brackets 95% intervals over resampled test images."
    )
    return Table(
        caption=f"Test scores, {row['row']}",
        columns=["Setting", "Real", "Synthetic", *_TITLES, "Macro-F1 − original [95% CI]", "Resolves"],
        groups=[("Training images", 2), ("Test", 3), ("Difference", 2)],
        rows=cells,
        notes=[f"Test images: n = {said(row['n'])}. {form} {_RESOLVES}"],
    )


def difference_table(row: dict[str, Any]) -> Table:
    """Each setting minus original in all three measures, together and by seed."""
    cells: list[list[Cell]] = []
    strong = set()
    for setting in row["settings"]:
        if not setting["difference"]:
            continue
        by_seed = setting["difference"]["by_seed"]
        if len(by_seed) > 1:
            strong.add(len(cells))
            cells.append([text(f"{setting['name']}, mean"), *(_difference(setting, name) for name in MEASURES)])
        for entry in by_seed:
            found = [entry.get(name) or {} for name in MEASURES]
            parts = [
                difference(e["difference"], [e["low"], e["high"]]) if e.get("low") is not None else text(None)
                for e in found
            ]
            cells.append([text(f"{setting['name']}, seed {entry['seed']}"), *parts])
    return Table(
        caption=f"Difference to original on test, {row['row']}",
        columns=["Setting", *(f"{title} [95% CI]" for title in _TITLES)],
        rows=cells,
        strong_rows=strong,
        notes=[f"By seed: resamples of test images alone. {_RESOLVES}"],
    )


def per_class_table(row: dict[str, Any], paper: dict[str, Any] | None) -> Table:
    """Precision, recall and F1 of each class and the accuracy, as in the paper's Table 4, whose cells stand beside."""
    evaluated = [setting for setting in row["settings"] if setting["per_class"]]
    support = {name: entry["support"] for name, entry in evaluated[0]["per_class"].items()} if evaluated else {}
    pairs = paired_classes(paper, support) if paper else {}
    cells = []
    for setting in evaluated:
        printed = paper["settings"].get(setting["setting"]) if paper else None
        for index, (name, scores) in enumerate(setting["per_class"].items()):
            own = [mean_sd(scores[measure]) for measure in PER_CLASS]
            accuracy = mean_sd(setting["accuracy"]) if index == 0 else Cell([("", None)])
            line = [text(f"{setting['name']}: {name}"), value(scores["support"]), *own, accuracy]
            if paper:
                theirs = (printed or {"classes": {}})["classes"].get(pairs.get(name, ""), {})
                line += [number(theirs.get(measure), _two) for measure in PER_CLASS]
                line.append(Cell([("", None)]) if index else number(printed["accuracy"] if printed else None, _two))
            cells.append(line)
    titles = ["Precision", "Recall", "F1", "Accuracy"]
    notes = ["Accuracy is that of all classes together and stands once a setting."]
    if len(row["seeds"]) > 1:
        notes[0] += " ± is the standard deviation between seeds."
    if paper:
        notes.append("A dash in the paper's columns: not given or not readable there. " + (paper["pairing"] or ""))
    return Table(
        caption=f"Classes one by one, {row['row']}",
        columns=["Setting and class", "Test images", *titles, *(titles if paper else [])],
        groups=[("", 1), ("This run", 4), *([("Paper, Table 4", 4)] if paper else [])],
        rows=cells,
        notes=notes,
    )


def confusion_tables(row: dict[str, Any]) -> list[Table]:
    """One confusion matrix a setting: true classes down, answers across, summed over seeds."""
    summed = f"test images of {len(row['seeds'])} seeds together" if len(row["seeds"]) > 1 else "test images"
    return [
        Table(
            caption=f"{setting['name']}: {summed}",
            columns=["True class", *row["classes"]],
            groups=[("Answered", len(row["classes"]))],
            rows=[
                [text(name), *(_confusion_cell(n, share) for n, share in zip(counts, shares, strict=True))]
                for name, counts, shares in zip(
                    row["classes"], setting["confusion"], setting["confusion_share"], strict=True
                )
            ],
        )
        for setting in row["settings"]
        if setting["confusion"]
    ]


def calibration_table(row: dict[str, Any]) -> Table:
    """The points of the reliability diagram in figures."""
    return Table(
        caption=f"Reliability in figures, {row['row']}",
        columns=["Setting and range of probability", "Test images", "Mean probability", "Share right"],
        rows=[
            [
                text(f"{setting['name']}: {_two(entry['low'])} to {_two(entry['high'])}"),
                number(entry["n"], count),
                number(entry["confidence"]),
                number(entry["accuracy"]),
            ]
            for setting in row["settings"]
            for entry in (setting["calibration"] or {"bins": []})["bins"]
        ],
    )


def paper_table(paper: dict[str, Any]) -> Table:
    """The paper's Table 3."""
    return Table(
        caption="Paper, Table 3",
        columns=["Model", "Accuracy", "Macro-F1"],
        rows=[[text(e["model"]), number(e["accuracy"]), number(e["macro_f1"])] for e in paper["summary"]],
    )


def _score(stat: dict[str, Any] | None) -> Cell:
    """``mean ± sd`` of several seeds; one seed with its interval over test images."""
    cell = mean_sd(stat)
    if stat and len(stat["values"]) == 1 and stat["interval"]:
        low, high = stat["interval"]
        cell.parts += [(" [", None), (fixed(low), low), (", ", None), (fixed(high), high), ("]", None)]
    return cell


def _difference(setting: dict[str, Any], name: str) -> Cell:
    found = (setting["difference"] or {}).get(name)
    if not found:
        return Cell([(MISSING, None)])
    said_of = verdict_of(found)
    seen = {"no difference": "no difference seen"}
    return difference(found["mean"], found["interval"], *([seen.get(said_of, said_of)] if said_of else []))


def _difference_cells(setting: dict[str, Any]) -> list[Cell]:
    """The difference in macro-F1, and the one that the test resolves."""
    found = (setting["difference"] or {}).get("macro_f1") or {}
    return [_difference(setting, "macro_f1"), number(found.get("detectable"))]


def _confusion_cell(images: int, share: float) -> Cell:
    return Cell([(count(images), images), (f" ({100 * share:.0f}%)", None)], shade=share)


def _two(content: float | None) -> str:
    return fixed(content, 2)

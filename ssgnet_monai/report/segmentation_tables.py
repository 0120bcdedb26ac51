"""The segmentation tables: the answer, test scores, validation, choices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ssgnet_monai.report.number_format import MISSING, count, duration, fixed, short_hash, signed
from ssgnet_monai.report.segmentation_row import SHARES, checkpoint_name, mean_dice
from ssgnet_monai.report.table import Cell, Table, difference, mean_sd, number, said, text, value

_ARMS = ("chosen", "control")


def overview_table(rows: list[dict[str, Any]]) -> Table:
    """One line a segmentation row: baseline, chosen, better control, their difference and what the test resolves."""
    methods = len({row["method"] for row in rows}) > 1
    cells = []
    for row in rows:
        scores = [mean_sd(mean_dice(row[part])) for part in ("baseline", "chosen")]
        given = [value(row["masks"]["training"]), number(len(row["seeds"]), count)]
        compared = [mean_sd(row["better"]["dice"]), *_difference(row["better"]["per_case"])] if row["better"] else []
        cells.append(
            [text(row["row"]), *([text(row["method"])] if methods else []), *given, *scores]
            + (compared or [text(None)] * 3)
        )
    return Table(
        caption=f"The answer in one table: {_dice_said(rows[0])}",
        columns=[
            "Segmenter",
            *(["Method"] if methods else []),
            "Masks to learn from" if rows[0]["case"] == "volume" else "Labelled images",
            "Seeds",
            "Baseline",
            "Chosen",
            "Better control",
            "Chosen − better control [95% CI]",
            "Resolves",
        ],
        rows=cells,
        notes=[
            "Better control: of those that a row has (see its own table), the one with the higher mean. Intervals: "
            "10 000 resamples of seeds and of test cases with all cases of a patient together; of one seed, of test "
            "cases alone. Resolves: half of the interval’s width, the true difference that this test would show in "
            "half of all repetitions; one 1.4 times as large in four of five. Several seeds are shown as mean ± sd."
        ],
    )


def comparison_table(row: dict[str, Any]) -> Table:
    """The chosen model of a row against every control, the headroom and the floors."""
    better = (row["better"] or {}).get("control")
    cells = [
        [
            text(entry["name"], *(["better control"] if entry["control"] == better else [])),
            number(len(entry["seeds"]), count),
            mean_sd(entry["dice"]),
            *_difference(entry["per_case"]),
            mean_sd(entry["pooled_dice"]),
            *_difference(entry["pooled"])[:1],
        ]
        for entry in row["comparisons"]
    ]
    return Table(
        caption=f"Differences on test, {row['row']}",
        columns=[
            "Compared with",
            "Seeds",
            "Its Dice",
            "Chosen − it [95% CI]",
            "Resolves",
            "Its Dice",
            "Chosen − it [95% CI]",
        ],
        groups=[("", 1), ("Mean over cases (primary)", 3), ("Pooled (secondary)", 2)],
        rows=cells,
        strong_rows={index for index, entry in enumerate(row["comparisons"]) if entry["control"] == better},
        notes=[
            "Equal steps: as many as one of the row’s trainings took (round 0, where there are rounds); equal total "
            "steps: as many as all its trainings, or all its networks, together. Labelled images again as the pool: "
            "everything as in the row, but the pool holds nothing new. Other rows: compared with, no gain is claimed "
            "against them. True masks on the pool: what perfect pseudo-labels would give. The last lines need no "
            "network. Network, labelled images, augmentation and seeds are the same in all."
        ],
    )


def rows_table(rows: list[dict[str, Any]]) -> Table:
    """What each segmentation row was given: network, method, pool, steps, seeds."""
    named = [name for name in ("network", "method", "profile") if any(row[name] for row in rows)]
    cells = []
    for row in rows:
        pools = [entry["pool"] for entry in row["validation"] if entry["arm"] == "pseudo_label"]
        pool = pools[-1] if pools else {"synthetic": None, "real": None}
        given = [value(pool["synthetic"]), value(pool["real"])]
        given += [_share(row[key], bool(pools)) for key in SHARES]
        given += [text(row["pool_labels"]), value(row["steps"])]
        names = [text(row[name] or "the bundle’s own") for name in named]
        cells.append([text(row["row"]), *names, *given, text(", ".join(map(str, row["seeds"])))])
    groups = [("", len(named))] if named else []
    return Table(
        caption="What each segmenter was given",
        columns=[
            "Segmenter",
            *(name.capitalize() for name in named),
            "Synthetic",
            "Real, without mask",
            "Share of samples",
            "Synthetic of them",
            "Labels",
            "Optimiser steps",
            "Random seeds",
        ],
        groups=[*groups, ("Pseudo-label pool", 5), ("", 2)],
        rows=cells,
        notes=[
            "Share of samples: how many of the training samples of a round came from the pool, and of these how many "
            "were synthetic, where there are both kinds; by sizes: as many as there are images."
        ],
    )


def masks_table(rows: list[dict[str, Any]]) -> Table:
    """How many masks each segmentation row used in all, and a control that used more than its row."""
    parts = ("training", "validation", "test", "all")
    lines = []
    for row in rows:
        lines.append((row, row["row"], row["masks"]))
        for entry in row["control_rows"]:
            if entry["evaluated"] and (entry["masks"]["training"] or 0) > (row["masks"]["training"] or 0):
                lines.append((row, f"{row['row']}: {entry['name']}", entry["masks"]))
    return Table(
        caption="Masks that were used in all",
        columns=["Segmenter", "To learn from", "To choose by", "To test with", "In all", "Test cases", "Test groups"],
        groups=[("Masks", 4), ("Scored", 2)],
        rows=[
            [
                text(name),
                *(number(masks[part], count) for part in parts),
                value(row["n"]),
                value(row["n_groups"]),
            ]
            for row, name, masks in lines
        ],
        notes=[
            "Masks to choose by (validation) cost as much work as those to learn from, so they belong to the price of "
            "a result. A mask is that of a picture, a slice or a whole volume, as the data hold them."
        ],
    )


def test_table(row: dict[str, Any]) -> Table:
    """Test scores of a row: reference answers, every round, the control; pooled and per image."""
    entries = [*row["references"], *row["test"]]
    if len(row["seeds"]) > 1 and row["chosen"]:
        entries.append({"name": "Chosen, each seed", **row["chosen"]})
    entries += [entry for entry in row["control_rows"] if entry["evaluated"]]
    cells, strong = [], set()
    for index, entry in enumerate(entries):
        pooled, case = entry.get("pooled", {}), entry.get("per_case", {})
        picks = (("chosen_in", "chosen"), ("control_in", "control"))
        marks = [mark for key, word in picks if (mark := _mark(entry, key, word, row))]
        if "chosen" in marks or entry["name"].startswith("Chosen"):
            strong.add(index)
        names = ("dice", "iou", "accuracy", "sensitivity", "specificity")
        per_case = [mean_spread(case, "dice"), mean_spread(case, "iou")]
        cells.append([text(entry["name"], *marks), *(mean_sd(pooled.get(name)) for name in names), *per_case])
    several = len(row["seeds"]) > 1
    classes = row["labels"][1:]
    over = f"Means over {len(classes)} classes, background left out. " if len(classes) > 1 else ""
    case = "a volume with all its slices" if row["case"] == "volume" else "a picture"
    absent = (
        "a class that truth and prediction of a case both lack is in no mean"
        if len(classes) > 1
        else "a both-empty case scores 1"
    )
    return Table(
        caption=f"Test scores, {row['row']}",
        columns=["Method", "Dice", "IoU", "Accuracy", "Sensitivity", "Specificity", "Dice", "IoU"],
        groups=[("Pooled over all test pixels", 5), ("Per case, mean (sd)", 2)],
        rows=cells,
        strong_rows=strong,
        notes=[
            f"{over}Test cases ({case}): n = {said(row['n'])}; with an empty true mask: {said(row['n_empty'])}. "
            "Pooled: from summed true and false positives and negatives. "
            f"Per case: {absent}; in brackets the standard deviation between cases"
            + (
                ", both averaged over seeds. ± is the standard deviation between seeds (none where all agree)."
                if several
                else "."
            )
        ],
    )


def validation_table(row: dict[str, Any]) -> Table:
    """What was seen of validation and of the pool, round by round."""
    binary = len(row["labels"]) <= 2
    of = "" if binary else "Dice: pooled, mean over classes. "
    cells = []
    for entry in row["validation"]:
        skipped = entry["seeds"] - entry["used_for_labels"]
        marks = ["labels not used"] if skipped and entry["arm"] == "pseudo_label" else []
        cells.append(
            [
                text(entry["name"], *marks),
                mean_sd(entry["val_dice"]),
                *([mean_sd(entry["val_iou"])] if binary else []),
                *(_mean(entry[name]) for name in ("label_change", "mean_confidence", "foreground")),
                value(entry["pool"]["synthetic"]),
                value(entry["pool"]["real"]),
                _mean(entry["seconds"], duration),
            ]
        )
    return Table(
        caption=f"Validation and pool by round, {row['row']}",
        columns=[
            "Model",
            "Dice",
            *(["IoU"] if binary else []),
            "Labels changed",
            "Confidence",
            "Foreground",
            "Synthetic",
            "Real",
            "Time",
        ],
        groups=[("Validation", 2 if binary else 1), ("Pseudo-labels", 3), ("Pool images", 2), ("", 1)],
        rows=cells,
        notes=[
            f"These scores are to choose by, not results. {of}"
            "Labels changed: fraction of pool pixels whose label differs from the round before. Confidence and "
            "foreground: means over the pool, 0 to 1. Labels not used: an earlier model scored at least as high on "
            "validation, so its labels stayed."
            + (
                " ± is the standard deviation between seeds; the other columns are means over seeds."
                if len(row["seeds"]) > 1
                else ""
            )
        ],
    )


def choice_table(row: dict[str, Any]) -> Table:
    """The choice of each seed, as it was written down before test was opened."""
    better = row["better"]
    found = dict(zip(better["seeds"], better["per_case"]["by_seed"], strict=True)) if better else {}
    real_only = any(choice["control"] for choice in row["choices"])
    cells = []
    for choice in row["choices"]:
        arms = [(checkpoint_name(choice[arm]), choice[f"{arm}_val_dice"], choice[f"{arm}_sha256"]) for arm in _ARMS]
        models = [[text(name), number(dice), text(short_hash(sha256))] for name, dice, sha256 in arms[: 1 + real_only]]
        difference_of = number(found.get(choice["seed"]), signed)
        cells.append([number(choice["seed"], count), *(cell for model in models for cell in model), difference_of])
    return Table(
        caption=f"Choice and test difference by seed, {row['row']}",
        columns=["Seed", *("Model", "Validation Dice", "SHA-256") * (1 + real_only), "Chosen − better control"],
        groups=[("Chosen", 3), *([("Real only", 3)] if real_only else []), ("Test Dice, mean", 1)],
        rows=cells,
        notes=["SHA-256 names the file of the weights (first 10 characters)."],
    )


def _share(content: Any, pooled: bool) -> Cell:
    """A cell of a share of samples; None: in proportion to the sizes, or there is no pool."""
    if content is None and pooled:
        return text("by sizes")
    two_decimals = partial(fixed, decimals=2)
    return number(content, two_decimals) if isinstance(content, (int, float)) else text(said(content))


def _mean(stat: dict[str, Any] | None, form: Callable[[float | None], str] = fixed) -> Cell:
    return number(stat["mean"] if stat else None, form)


def _mark(entry: dict[str, Any], key: str, word: str, row: dict[str, Any]) -> str:
    times = entry.get(key, 0)
    return "" if not times else word if len(row["seeds"]) == 1 else f"{word} {times}/{len(row['seeds'])}"


def _dice_said(row: dict[str, Any]) -> str:
    """The Dice by which a row is judged, in words."""
    over = f" and {len(row['labels']) - 1} classes" if len(row["labels"]) > 2 else ""
    return f"mean test Dice over {row['case']}s{over}"


def mean_spread(case: dict[str, Any], name: str, form: Callable[[float | None], str] = fixed) -> Cell:
    """A cell ``mean (sd)`` over cases, each the mean over seeds."""
    mean, spread = case.get(f"{name}_mean"), case.get(f"{name}_sd")
    if not mean:
        return Cell([(MISSING, None)])
    parts = number(mean["mean"], form).parts
    return Cell([*parts, (" (", None), (form(spread["mean"]), spread["mean"]), (")", None)] if spread else parts)


def _difference(found: dict[str, Any]) -> list[Cell]:
    """Cells of a difference with its interval, and of what the test resolves."""
    if found["ci95"] is None:
        return [Cell([(MISSING, None)])] * 2
    return [difference(found["difference"], found["ci95"]), number(found["detectable"])]

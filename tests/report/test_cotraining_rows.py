"""A row of two networks that were trained together: names, sentences, controls, and other rows beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ssgnet_monai.report import write_report
from ssgnet_monai.report.collect import collect
from ssgnet_monai.report.segmentation_tables import comparison_table, overview_table
from ssgnet_monai.report.segmentation_tables import test_table as scores_table
from tests.report.case_files import TEST_CASES, case_dices, write_cases
from tests.report.conftest import add_control, scores, write

Build = Callable[..., Path]


def words(cell) -> str:
    return "".join(part for part, _ in cell.parts)


@pytest.fixture
def run(build_run: Build) -> Path:
    """Co-training .60 (partner .58, mean .61) and its plain form .57, with one control of .55 that they share."""
    run = build_run()
    path = run / "experiment.json"
    experiment = json.loads(path.read_text(encoding="utf-8"))
    alone = {"equal_steps": "all-equal_steps"}
    experiment["config"]["segmentation"] = {
        "cps": {"network": "unet", "method": "cotraining", "controls": alone},
        "all": {"network": "unet", "method": "cotraining", "controls": {**alone, "cps": "cps"}},
    }
    write(path, experiment)
    add_control(run, "all-equal_steps", 0, 0.55)
    for row, dices in (("cps", (0.57, 0.56, 0.575)), ("all", (0.60, 0.58, 0.61))):
        found = dict(zip(("ensemble", "model", "partner"), (dices[2], *dices[:2]), strict=True))
        place = run / "segmentation" / row / "seed0"
        checkpoints = {name: scores(dice) for name, dice in found.items()}
        content = {"stage": "segmentation", "n": 4, "seed": 0, "chosen": "model", "checkpoints": checkpoints}
        write(place / "metrics.json", {**content, "references": {}})
        write(place / "state" / "train" / "training.json", {"result": "trained", "steps": 1500})
        write_cases(place, {name: case_dices(dice) for name, dice in found.items()}, TEST_CASES)
    return run


def row_of(run: Path, name: str) -> dict:
    return next(row for row in collect(run)["segmentation"] if row["row"] == name)


def test_a_row_is_compared_with_its_control_and_with_another_row(run: Path) -> None:
    row = row_of(run, "all")
    assert (row["together"], row["steps"]) == (True, 1500)
    assert [(e["kind"], e["name"]) for e in row["comparisons"]] == [
        ("control", "Labelled images alone, equal steps"),
        ("row", "Row cps"),
    ]
    assert row["better"]["control"] == "equal_steps"
    assert [e["per_case"]["difference"] for e in row["comparisons"]] == pytest.approx([0.05, 0.03])
    assert row["baseline"]["per_case"]["dice_mean"]["mean"] == pytest.approx(0.55 - 0.021)
    assert words(overview_table([row]).rows[0][-2]).startswith("+0.050 [")
    assert [words(line[0]) for line in comparison_table(row).rows] == [e["name"] for e in row["comparisons"]]


def test_the_three_checkpoints_stand_in_their_order(run: Path) -> None:
    table = scores_table(row_of(run, "all"))
    assert [words(line[0]) for line in table.rows[:3]] == [
        "Trained model", "Partner, trained beside it", "Mean of both networks’ probabilities"
    ]  # fmt: skip
    assert [line[0].marks for line in table.rows[:3]] == [["chosen"], [], []]


def test_the_sentences_speak_of_networks_not_of_rounds(run: Path) -> None:
    report = collect(run)
    found = next(answer for answer in report["answers"] if answer["row"] == "all")
    text = " ".join(found["sentences"])
    assert text.startswith("Gain: +0.050 in mean Dice [95% CI +0.050 to +0.050] against labelled images alone, equal ")
    assert "Trained together with a partner on images without masks too, it reached 0.579." in text
    assert "Its partner reached 0.559, the mean of both networks 0.589; which of them counts was settled" in text
    assert "Against row cps: +0.030 [+0.030 to +0.030]." in text
    assert "round" not in text.replace("foreground", "")


def test_rows_that_others_are_compared_with_keep_their_section(run: Path) -> None:
    assert {row["row"] for row in collect(run)["segmentation"]} == {"unet_30", "all", "cps"}
    page = write_report(run).read_text(encoding="utf-8")
    assert page.count("Rounds: not run.") == 0
    assert "Row cps" in page

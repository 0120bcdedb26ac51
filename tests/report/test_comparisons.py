"""Chosen model against controls, oracle and floors: pairing by seed and case, the better control, the page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ssgnet_monai.report import write_report
from ssgnet_monai.report.case_counts import read_case_counts
from ssgnet_monai.report.collect import collect
from ssgnet_monai.report.comparisons import answers_of, better_control, compare, verdict
from ssgnet_monai.report.segmentation_tables import comparison_table, masks_table, overview_table
from ssgnet_monai.report.segmentation_tables import test_table as scores_table
from ssgnet_monai.report.tables import provenance_table
from tests.report.case_files import TEST_CASES, write_cases
from tests.report.conftest import add_control, write
from tests.report.test_report_page import numbers, written

Build = Callable[..., Path]
CONTROLS = {"equal_total_steps": "unet_30 longer", "duplicate_real": "unet_30_again", "oracle": "unet_30_oracle"}


def words(cell) -> str:
    return "".join(part for part, _ in cell.parts)


def answer(folder: Path, dices: list[float], cases: list[str] = TEST_CASES):
    write_cases(folder, {"model": dices}, cases)
    return {0: read_case_counts(folder / "per_case.csv")}


def with_controls(run: Path, seeds: tuple[int, ...] = (0,)) -> Path:
    """Controls of .545 (the better one), .535 and an oracle of .62; the chosen model has .5512."""
    path = run / "experiment.json"
    experiment = json.loads(path.read_text(encoding="utf-8"))
    experiment["config"]["segmentation"] = {"unet_30": {"network": "unet", "method": "rounds", "controls": CONTROLS}}
    write(path, experiment)
    for seed in seeds:
        for row, dice in (("unet_30_longer", 0.545), ("unet_30_again", 0.535), ("unet_30_oracle", 0.62)):
            add_control(run, row, seed, dice)
    return run


def test_a_case_is_compared_with_itself(tmp_path):
    """The cases differ by .4, the models by .1 in each: the interval has no width."""
    ours = answers_of(answer(tmp_path / "a", [0.3, 0.7, 0.3, 0.7]), {0: "model"})
    other = answers_of(answer(tmp_path / "b", [0.2, 0.6, 0.2, 0.6]), {0: "model"})
    (found,) = compare(ours, {"oracle": other}, {})
    assert (found["kind"], found["seeds"], found["n"]) == ("headroom", [0], 4)
    assert found["dice"]["mean"] == pytest.approx(0.4)
    assert found["per_case"]["ci95"] == pytest.approx([0.1, 0.1])
    assert found["pooled"]["difference"] == pytest.approx(0.1)
    assert better_control([found]) is None  # the oracle is no control


def test_seeds_that_one_lacks_are_left_out(tmp_path):
    ours = answers_of(
        {seed: answer(tmp_path / str(seed), [0.5] * 4)[0] for seed in (0, 1, 2)}, dict.fromkeys(range(3), "model")
    )
    other = answers_of({2: answer(tmp_path / "c", [0.4] * 4)[0]}, {2: "model"})
    (found,) = compare(ours, {"duplicate_real": other, "otsu": {}}, {})
    assert (found["seeds"], found["per_case"]["n_seeds"]) == ([2], 1)


def test_other_test_cases_are_refused(tmp_path):
    ours = answers_of(answer(tmp_path / "a", [0.5] * 4), {0: "model"})
    other = answers_of(answer(tmp_path / "b", [0.5] * 4, [*TEST_CASES[:3], "other.png"]), {0: "model"})
    with pytest.raises(ValueError, match=r"the 4 test cases of .*a/per_case.csv in .*b/per_case.csv too"):
        compare(ours, {"oracle": other}, {})


def test_the_verdict_is_where_the_interval_lies():
    assert [verdict({"ci95": ci}) for ci in ([0.01, 0.02], [-0.01, 0.02], [0.0, 0.1], [-0.2, -0.1])] == [
        "gain", "no difference", "no difference", "loss"
    ]  # fmt: skip


def test_the_better_control_is_the_one_with_the_higher_mean(build_run: Build) -> None:
    report = collect(with_controls(build_run(noise=0.001)))
    assert [row["row"] for row in report["segmentation"]] == ["unet_30"]  # controls have no sections of their own
    row = report["segmentation"][0]
    assert [entry["control"] for entry in row["comparisons"]] == [
        "equal_steps", "equal_total_steps", "duplicate_real", "real_only", "oracle", "otsu", "all_foreground"
    ]  # fmt: skip
    assert row["better"]["control"] == "equal_total_steps"
    text = " ".join(report["answers"][0]["sentences"])
    assert text.startswith(
        "Gain: +0.006 in mean Dice [95% CI +0.005 to +0.007] against labelled images alone, equal total steps, the "
        "better of 4 controls (one seed"
    )
    assert "With true masks on the pool it would be 0.599: the headroom is +0.069 [+0.068 to +0.070]." in text
    assert row["control"]["per_case"]["dice_mean"]["mean"] == pytest.approx(0.545 - 0.021)


def test_the_tables_have_every_control_and_what_the_test_resolves(build_run: Build) -> None:
    run = with_controls(build_run(seeds=(0, 1)), (0, 1))
    report = collect(run)
    row = report["segmentation"][0]
    table = comparison_table(row)
    assert table.strong_rows == {1}
    assert table.rows[1][0].marks == ["better control"]
    assert [words(cells[0]) for cells in table.rows][4] == "True masks on the pool (oracle)"
    assert all(words(cells[4]) != "–" for cells in table.rows)
    assert words(overview_table([row]).rows[0][-1]) == words(table.rows[1][4])
    names = [words(cells[0]) for cells in scores_table(row).rows]
    assert names[-3:] == [entry["name"] for entry in row["control_rows"]]
    masks = [[words(cell) for cell in cells][:5] for cells in masks_table([row]).rows]
    assert masks[0] == ["unet_30", "30", "2", "4", "36"]
    assert masks[1:] == [["unet_30: True masks on the pool (oracle)", "50", "2", "4", "56"]]  # others have no more
    rows = [words(cells[0]) for cells in provenance_table(report).rows]
    assert rows[-4:] == ["unet_30", "unet_30_longer", "unet_30_again", "unet_30_oracle"]
    _, page, report = written(run)
    known = set(numbers(report)) | {2.0}
    assert not [value for value in page.values if value not in known]


def test_a_control_that_is_not_evaluated_yet_is_said(build_run: Build) -> None:
    run = with_controls(build_run(seeds=(0, 1)), (0, 1))
    (run / "segmentation" / "unet_30_again" / "seed1" / "metrics.json").unlink()
    (run / "segmentation" / "unet_30_again" / "seed1" / "per_case.csv").unlink()
    report = collect(run)
    again = next(entry for entry in report["segmentation"][0]["comparisons"] if entry["control"] == "duplicate_real")
    assert again["seeds"] == [0]
    text = " ".join(report["answers"][0]["sentences"])
    assert "A control is not finished, so that this may change: labelled images again as the pool." in text
    assert report["answers"][0]["headline"] == "no difference seen, controls unfinished"
    shutil.rmtree(run / "segmentation" / "unet_30_again")
    report = collect(run)
    assert report["segmentation"][0]["unfinished"] == ["Labelled images again as the pool"]
    write_report(run)

"""Classification in the report: scores over seeds, words that claim no more than the intervals, a whole page."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ssgnet_monai.report import classification_tables, write_report
from ssgnet_monai.report.classification_figures import reliability_plot, score_plot
from ssgnet_monai.report.classification_row import setting_name
from ssgnet_monai.report.collect import collect
from ssgnet_monai.report.table import Table
from tests.report.conftest import add_segmentation
from tests.report.test_report_page import numbers, written

Build = Callable[..., Path]


def row_of(run: Path) -> dict[str, Any]:
    return collect(run)["classification"][0]


def words(table: Table, row: int) -> list[str]:
    return [
        "".join(part for part, _ in cell.parts) + "".join(f" ({m})" for m in cell.marks) for cell in table.rows[row]
    ]


def metrics_files(run: Path, setting: str) -> Iterator[Path]:
    yield from sorted((run / "classification" / "resnet50" / setting).glob("seed*/metrics.json"))


def test_settings_in_their_order_and_with_their_names(build_classification_run: Build) -> None:
    row = row_of(build_classification_run())
    assert [entry["name"] for entry in row["settings"]] == ["Original", "Balanced", "+20%", "+50%"]
    assert setting_name("oversampled_twice") == "oversampled_twice"
    assert row["seeds"] == [0, 1, 2]
    assert row["n"] == 156
    assert row["settings"][3]["train_counts"]["synthetic"] == {
        "by_class": {"malignant": 6, "normal, benign": 2},
        "all": 8,
    }


def test_scores_are_means_over_seeds(build_classification_run: Build) -> None:
    original = row_of(build_classification_run())["settings"][0]
    assert original["accuracy"]["mean"] == pytest.approx((124 + 126 + 128) / 3 / 156)
    assert original["accuracy"]["sd"] == pytest.approx(2 / 156)
    assert original["confusion"] == [[66, 60], [30, 312]]
    assert original["confusion_share"][0] == pytest.approx([66 / 126, 60 / 126])
    # Images: sqrt(p q / 156) = .0315. Two of three seeds are drawn: sqrt(2 / 3) 2 / 156 / sqrt(2) = .0074.
    half = 1.96 * math.hypot(0.0315, 0.0074)
    mean = original["accuracy"]["mean"]
    assert original["accuracy"]["interval"] == pytest.approx([mean - half, mean + half], abs=0.006)


def test_calibration_puts_the_seeds_together(build_classification_run: Build) -> None:
    calibration = row_of(build_classification_run())["settings"][0]["calibration"]
    assert calibration["ece"]["mean"] == pytest.approx(0.05)
    assert [entry["n"] for entry in calibration["bins"]] == [120, 348]  # the empty bin is left out
    assert calibration["bins"][0]["accuracy"] == pytest.approx(0.5)  # 0.6, 0.5, 0.4


@pytest.mark.parametrize(
    ("options", "verdict", "headline"),
    [
        ({}, "unclear", "no difference seen"),
        ({"gains": (0, 8, 9, 12)}, "better", "gain in 3 of 3 settings"),
        ({"gains": (12, 4, 3, 0)}, "worse", "loss in 3 of 3 settings"),
        ({"gains": (8, 8, 0, 16)}, "unclear", "gain in 1 of 3 settings and loss in 1 of 3 settings"),
        ({"gains": (0, 8, 9, 12), "seeds": (5,)}, "unclear", "one seed is no evidence"),
    ],
)
def test_verdict(build_classification_run: Build, options: dict[str, Any], verdict: str, headline: str) -> None:
    answer = collect(build_classification_run(**options))["answers"][0]
    assert answer["verdict"] == verdict
    assert answer["headline"].startswith(headline)


def test_answer_in_words(build_classification_run: Build) -> None:
    answer = collect(build_classification_run())["answers"][0]
    assert answer["sentences"] == [
        "With the 6 real training images alone the classifier reached macro-F1 0.734 ± 0.023 (accuracy 0.808 ± 0.013, "
        "ROC-AUC 0.958 ± 0.004; mean ± sd of 3 seeds) on 156 test images.",
        "Always answering the most frequent class scores macro-F1 0.422.",
    ]
    assert answer["changes"][0] == (
        "Balanced: no difference that this test could see (it resolves 0.016), 4 synthetic images changed macro-F1 by "
        "+0.011 [95% CI +0.000 to +0.033]."
    )
    assert answer["cautions"] == []


def test_one_seed_is_never_called_evidence(build_classification_run: Build) -> None:
    run = build_classification_run(gains=(0, 8, 9, 12), seeds=(0,))
    answer = collect(run)["answers"][0]
    assert answer["changes"][2].startswith("+50%: gain, 8 synthetic images changed macro-F1 by")
    assert answer["changes"][2].endswith("; the interval holds the chance of the test images alone.")
    assert "One seed is no evidence" in answer["cautions"][0]
    table = classification_tables.test_table(row_of(run))
    assert words(table, 0)[3] == "0.795 [0.731, 0.859]"
    assert "One seed, which is no evidence" in table.notes[0]


def test_a_win_among_several_settings_is_qualified(build_classification_run: Build) -> None:
    answer = collect(build_classification_run(gains=(0, 8, 9, 12)))["answers"][0]
    assert answer["changes"][1].startswith("+20%: gain, 6 synthetic images changed macro-F1 by +0.0")
    assert answer["cautions"] == ["With 3 settings compared, one may stand out by chance alone."]


def test_a_network_no_better_than_one_answer_is_said_so(build_classification_run: Build) -> None:
    run = build_classification_run()
    for setting in ("original", "balanced", "extra_20", "extra_50"):
        for path in metrics_files(run, setting):
            metrics = json.loads(path.read_text(encoding="utf-8"))
            metrics["references"]["majority_class"]["macro_f1"] = 0.9
            path.write_text(json.dumps(metrics), encoding="utf-8")
    assert "The trained network does not beat that." in collect(run)["answers"][0]["sentences"]


def test_main_table(build_classification_run: Build) -> None:
    table = classification_tables.test_table(row_of(build_classification_run(gains=(0, 8, 9, 12))))
    assert words(table, 3)[:3] == ["+50%", "6", "8"]
    assert words(table, 3)[-2:] == ["+0.121 [+0.064, +0.185] (gain)", "0.061"]
    assert words(table, 0)[-2:] == ["–", "–"]
    assert words(table, 4)[:5] == ["Always the most frequent class", "–", "–", "0.731", "0.422"]
    assert "10 000 resamples of seeds and of test images with all images of a patient together" in table.notes[0]


def test_paper_stands_beside_the_class_of_the_same_size(build_classification_run: Build) -> None:
    report = collect(build_classification_run())
    table = classification_tables.per_class_table(report["classification"][0], report["paper"]["classification"])
    assert words(table, 0)[0] == "Original: malignant"
    assert words(table, 0)[-4:] == ["0.80", "0.38", "0.52", "0.81"]  # printed as benign
    assert words(table, 1)[-4:] == ["0.81", "0.96", "0.88", ""]
    assert words(table, 4)[-4:] == ["–", "–", "–", "0.85"]  # +20%: cells that cannot be read
    assert "paired here by class size" in table.notes[1]
    alone = classification_tables.per_class_table(report["classification"][0], None)
    assert len(alone.columns) == len(table.columns) - 4


def test_plots_say_their_numbers(build_classification_run: Build) -> None:
    row = row_of(build_classification_run())
    scores, reliability = score_plot(row), reliability_plot(row)
    assert scores is not None
    assert "Original 0.734, Balanced 0.745" in scores.panels[0].svg
    assert "Balanced +0.011" in scores.panels[1].svg
    assert [panel.svg.count('class="span a"') for panel in scores.panels] == [4, 3]
    assert [panel.svg.count('class="dot b"') for panel in scores.panels] == [12, 9]
    assert reliability is not None
    assert [panel.title for panel in reliability.panels][:2] == ["Original, ECE 0.050", "Balanced, ECE 0.050"]
    assert ">348<" in reliability.panels[0].svg


def test_page_of_classifiers_alone_is_whole(build_classification_run: Build) -> None:
    run = build_classification_run(name="cbis_ddsm", classes=("benign", "malignant"))
    text, page, report = written(run)
    assert report["tasks"] == ["classification"]
    assert report["not_run"] == ["benchmarks"]
    assert "Segmentation" not in page.text
    assert "With mask" not in page.text
    known = {*numbers(report), 3.0}
    assert len(page.values) > 150
    assert not [value for value in page.values if value not in known]
    assert page.open == []
    assert text.count("<caption>") == text.count("<table") > 10
    for said in ("Confusion matrices", "Paper, Table 3", "Paper, Table 1", "ECE 0.050", "Generator benign", "Macro-F1"):
        assert said in page.text
    with Image.open(run / "overview.png") as picture:
        assert picture.height == 400  # real and generated images of two classes


def test_run_of_both_tasks_tells_both(build_classification_run: Build) -> None:
    run = build_classification_run(name="kvasir_seg", classes=("negative", "positive"))
    add_segmentation(run, "unet_30", 0, (0.53, 0.54, 0.55), 0.54, 0.02)
    _, page, report = written(run)
    assert [answer["row"] for answer in report["answers"]] == ["unet_30", "resnet50"]
    assert "Paper, Table 2" in page.text
    assert "Paper, Table 3" in page.text
    assert {"Test scores, unet_30", "Test scores, resnet50"} <= {a.get("aria-label") for _, a in page.tags}


def test_unfinished_trainings_are_counted(build_classification_run: Build) -> None:
    run = build_classification_run()
    for path in metrics_files(run, "extra_50"):
        path.unlink()
    next(metrics_files(run, "balanced")).unlink()
    row = row_of(run)
    table = classification_tables.test_table(row)
    assert row["unfinished"] == 4
    assert words(table, 1)[0] == "Balanced (2 of 3 seeds)"
    assert words(table, 3) == ["+50% (0 of 3 seeds)", *7 * ["–"]]
    assert "Unfinished trainings, not counted here: 4." in written(run)[1].text


def test_unequal_steps_are_told_and_equal_ones_not_claimed(build_classification_run: Build) -> None:
    run = build_classification_run()
    assert "number of optimiser steps" in classification_tables.overview_table([row_of(run)]).notes[0]
    path = next(metrics_files(run, "balanced"))
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "steps": 7}), encoding="utf-8")
    assert collect(run)["answers"][0]["cautions"][0].startswith("Steps of training differ (7")
    row = row_of(run)
    assert "number of optimiser steps" not in classification_tables.overview_table([row]).notes[0]
    assert classification_tables.given_table(row).notes == []


def test_row_without_any_result(build_classification_run: Build) -> None:
    run = build_classification_run()
    for path in sorted((run / "classification").rglob("metrics.json")):
        path.unlink()
    page = write_report(run).read_text(encoding="utf-8")
    assert "Test evaluation: not run." in page
    assert "Not yet evaluated on test." in page


def test_page_without_original_compares_nothing(build_classification_run: Build) -> None:
    run = build_classification_run()
    for setting in ("original", "balanced", "extra_20", "extra_50"):
        for path in metrics_files(run, setting):
            metrics = json.loads(path.read_text(encoding="utf-8"))
            metrics.pop("paired_bootstrap", None)
            path.write_text(json.dumps({**metrics, "roc_auc": None}), encoding="utf-8")
    answer = collect(run)["answers"][0]
    assert (answer["headline"], answer["changes"]) == ("nothing to compare yet", [])
    assert "ROC-AUC –" in answer["sentences"][0]
    assert "Difference to original" in write_report(run).read_text(encoding="utf-8")  # the tables stay, with dashes

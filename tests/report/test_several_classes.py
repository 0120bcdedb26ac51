"""The page of a run on volumes with three classes: means first, each class by name, distances, masks in all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ssgnet_monai.pipeline.layout import StageFolder
from ssgnet_monai.report import write_report
from ssgnet_monai.report.class_tables import class_table
from ssgnet_monai.report.collect import collect
from ssgnet_monai.report.pictures import outlined_examples
from ssgnet_monai.report.segmentation_tables import masks_table, overview_table, rows_table, validation_table
from ssgnet_monai.report.segmentation_tables import test_table as scores_table
from ssgnet_monai.report.tables import data_table
from tests.report.test_report_page import numbers, written

Build = Callable[..., Path]


def words(cell) -> str:
    return "".join(part for part, _ in cell.parts)


def test_the_answer_is_the_mean_over_volumes_and_classes(build_organ_run: Build) -> None:
    report = collect(build_organ_run())
    row = report["segmentation"][0]
    assert row["case"] == "volume"
    answer = " ".join(report["answers"][0]["sentences"])
    assert answer.startswith("No difference that this test could see (it resolves 0.0")
    assert "+0.010 in mean Dice" in answer
    assert (
        "With 30 masks to learn from and 2 for validation the segmenter reached a mean test Dice over 16 volumes and 2 "
        "classes of 0.509 (one seed). After two pseudo-label rounds it reached 0.530."
    ) in answer
    assert "Without a network: mean training mask, image-blind 0.179." in answer  # under its older name in the file
    table = overview_table(report["segmentation"])
    assert table.caption == "The answer in one table: mean test Dice over volumes and 2 classes"
    assert [words(cell) for cell in table.rows[0][3:6]] == ["0.509", "0.530", "0.520"]


def test_each_class_has_its_name_its_distances_and_what_is_undefined(build_organ_run: Build) -> None:
    row = collect(build_organ_run())["segmentation"][0]
    table = class_table(row)
    assert table.groups[1:] == [
        ("Per case, mean (sd)", 2), ("Distance, mm", 2), ("Distance, voxels", 2), ("Left out", 2)
    ]  # fmt: skip
    assert [words(cells[0]) for cells in table.rows] == [
        name for name in ("All classes, mean", "right ventricle", "myocardium") for _ in range(3)
    ]
    chosen = [table.rows[k] for k in (1, 4, 7)]
    assert [words(cells[2]) for cells in chosen] == ["0.530 (0.281)", "0.580 (0.281)", "0.480 (0.281)"]
    assert [words(cells[4]) for cells in chosen] == ["13.5 (6.73)", "12.0 (5.98)", "15.0 (7.48)"]
    assert [words(cells[8]) for cells in chosen] == ["1", "0", "1"]
    assert [words(cells[9]) for cells in chosen] == ["2", "0", "2"]
    assert "Means over 2 classes, background left out" in scores_table(row).notes[0]
    assert scores_table(row).rows[0][0].parts[0][0] == "Mean training mask, image-blind"
    assert "IoU" not in validation_table(row).columns  # of several classes it does not follow from Dice


def test_pixels_without_a_known_size_are_called_pixels(build_run: Build) -> None:
    run = build_run()
    path = run / "segmentation" / "unet_30" / "seed0" / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    distances = {"hd95_voxels_mean": 4.2, "hd95_voxels_sd": 1.1, "hd95_mm_mean": None, "n_undefined": 1}
    for entry in metrics["checkpoints"].values():
        entry["distances"] = distances
    path.write_text(json.dumps({**metrics, "labels": ["background", "polyp"]}), encoding="utf-8")
    row = collect(run)["segmentation"][0]
    table = class_table(row)
    assert table.caption == "Surface distances on test, unet_30"
    assert ("Distance, pixels", 2) in table.groups
    assert [words(cell) for cell in table.rows[0]][:2] == ["polyp", "Baseline"]
    assert words(table.rows[0][4]) == "4.20 (1.10)"
    assert "Surface distances on test" in write_report(run).read_text(encoding="utf-8")


def test_older_results_have_no_distances(build_run: Build) -> None:
    assert "Surface distances" not in write_report(build_run()).read_text(encoding="utf-8")


def test_all_masks_are_counted(build_organ_run: Build) -> None:
    run = build_organ_run()
    report = collect(run)
    assert report["segmentation"][0]["masks"] == {"training": 30, "validation": 2, "test": 4, "all": 36}
    assert [words(cell) for cell in masks_table(report["segmentation"]).rows[0]][1:] == [
        "30",
        "2",
        "4",
        "36",
        "16",
        "8",
    ]
    table = data_table(report["data"])
    assert table.columns[-4:] == ["Volumes", "Slices", "With mask", "Groups"]
    assert [words(cells[-4]) for cells in table.rows] == ["1", "1", "1", "0"]
    for path in sorted(run.glob("segmentation/*/*/rounds.json")):
        path.unlink()
    assert collect(run)["segmentation"][0]["masks"]["training"] == 6  # all of the datalist's
    path = run / "segmentation" / "unet_30" / "seed0" / "metrics.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "n_training_masks": 5}))
    assert collect(run)["segmentation"][0]["masks"]["training"] == 5


def test_rows_say_their_network_method_and_profile(build_organ_run: Build) -> None:
    run = build_organ_run()
    path = run / "experiment.json"
    experiment = json.loads(path.read_text(encoding="utf-8"))
    experiment["config"]["segmentation"] = {"unet_30": {"network": None, "method": "rounds", "profile": "small_cpu"}}
    path.write_text(json.dumps(experiment), encoding="utf-8")
    table = rows_table(collect(run)["segmentation"])
    assert table.columns[1:3] == ["Method", "Profile"]
    assert [words(cell) for cell in table.rows[0][1:3]] == ["rounds", "small_cpu"]
    assert "Method" not in overview_table(collect(run)["segmentation"]).columns  # one row, one method
    experiment["config"]["segmentation"]["other"] = None
    path.write_text(json.dumps(experiment), encoding="utf-8")
    collect(run)


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_the_page_holds_what_the_json_holds(build_organ_run: Build, seeds: tuple[int, ...]) -> None:
    text, page, report = written(build_organ_run(seeds=seeds))
    known = set(numbers(report)) | {float(len(seeds))}
    assert not [value for value in page.values if value not in known]
    assert page.open == []
    assert "Classes of the masks: 0 background, 1 right ventricle, 2 myocardium." in page.text
    assert "of each the slice with the most foreground" in page.text
    assert text.count('class="outline class-1"') >= 4


def test_outlines_of_classes_have_their_own_colours(build_organ_run: Build) -> None:
    run = build_organ_run()
    place = run / "segmentation" / "unet_30" / "seed0"
    example = outlined_examples(StageFolder(place), ["background", "right ventricle", "myocardium"])[0]
    assert [[style for style, _ in panel.paths] for panel in example.panels] == [[], *[["class-0", "class-1"]] * 4]
    dice = example.numbers()["dice"]
    assert dice["final"] > dice["baseline"]
    write_report(run)
    from PIL import Image

    with Image.open(run / "overview.png") as picture:
        colours = {colour for _, colour in picture.getcolors(1 << 24)}
    assert {(230, 75, 53), (77, 187, 213)} <= colours

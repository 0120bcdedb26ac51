"""The small parts: number formats, tables, charts, outlines, files."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssgnet_monai.pipeline.layout import RunLayout, StageFolder
from ssgnet_monai.report.collect import collect
from ssgnet_monai.report.figures import dice_plot
from ssgnet_monai.report.line_chart import Line, line_chart, ticks, value_range
from ssgnet_monai.report.number_format import count, duration, fixed, short_hash, signed, significant
from ssgnet_monai.report.pictures import mean_dice, outline, outlined_examples
from ssgnet_monai.report.published import published_fid, published_results
from ssgnet_monai.report.run_files import read_benchmarks, read_curve, read_json
from ssgnet_monai.report.segmentation_row import checkpoint_name
from ssgnet_monai.report.tables import data_table, synthesis_table

Build = Callable[..., Path]


def test_numbers_in_words() -> None:
    assert fixed(0.53149) == "0.531"
    assert fixed(None) == fixed(math.nan) == "–"
    assert signed(-0.0042) == "−0.004"
    assert signed(0.0104) == "+0.010"
    assert [significant(v) for v in (0.03123, 57.02, 301.7, 0.0, -1.5, 0.0000123)] == [
        "0.0312", "57.0", "302", "0", "−1.50", "1.23e−05",
    ]  # fmt: skip
    assert count(10000) == "10\u202f000"
    assert [duration(s) for s in (8.24, 59.99, 184.5, 3725)] == ["8.2 s", "1 min 00 s", "3 min 04 s", "1 h 02 min"]
    assert short_hash("abcdef0123456789") == "abcdef0123"


def test_checkpoint_names() -> None:
    assert checkpoint_name("pseudo_label/round_00") == "Baseline (round 0)"
    assert checkpoint_name("real_only/round_02") == "Real only (control), round 2"
    assert checkpoint_name("something else") == "something else"


@pytest.mark.parametrize(("n", "marks"), [(120, ["FID biased (N=120)"]), (2047, ["FID biased (N=2047)"]), (2048, [])])
def test_fid_is_marked_biased_below_2048(build_run: Build, n: int, marks: list[str]) -> None:
    run = build_run()
    path = run / "generators" / "class0" / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**metrics, "n_real": n, "n_synthetic": 5000, "fid_biased": n < 2048}), encoding="utf-8")
    table = synthesis_table(collect(run)["synthesis"][0])
    assert table.columns[1].startswith("KID")
    assert table.rows[0][3].marks == marks
    assert table.rows[1][3].marks == ["FID biased (N=60)"]  # a reference of fewer images stays marked


def test_published_numbers_are_self_consistent() -> None:
    for name in ("kvasir_seg", "ISIC-2017", "isic 2018", "CBIS_DDSM"):
        paper = published_results(name)
        assert paper is not None
        for entry in paper["rounds"]:
            assert entry["dice"] > entry["miou"]  # the swap of Table 6 is undone
        for entry in (*paper["segmentation"], *paper["rounds"]):
            if entry["form"] == "pooled foreground":
                assert entry["dice"] == pytest.approx(2 * entry["miou"] / (1 + entry["miou"]), abs=2e-3)
    assert published_results("phantom") is None


def test_published_fid_is_found_by_class() -> None:
    chest, tiles = published_results("Chest X-ray") or {}, published_results("kvasir_seg") or {}
    assert published_fid(chest, "NORMAL") == 27.16
    assert published_fid(chest, "pneumonia") == 29.31
    assert published_fid(chest, "bacteria") is None
    assert [published_fid(tiles, name) for name in ("negative", "positive", "all")] == [52.96, 57.02, 45.12]
    assert published_fid(published_results("brain_tumor") or {}, "yes") == 108.52
    assert chest["segmentation"] == chest["rounds"] == []


def test_data_without_masks_has_no_column_for_them(build_classification_run: Build) -> None:
    table = data_table(collect(build_classification_run())["data"])
    assert table.columns == ["Split", "malignant", "normal, benign", "Images", "Groups"]
    assert sum(span for _, span in table.groups) == 4


def test_paper_fid_stands_below_ours(build_classification_run: Build) -> None:
    table = synthesis_table(collect(build_classification_run(("No", "Yes"), "brain_tumor"))["synthesis"][1])
    assert [cell.parts[0] for cell in table.rows[-1][::2]] == [("Paper, Table 1", None), ("108.52", 108.52)]
    assert table.rows[0][3].marks == ["FID biased (N=120)"]


def test_images_without_groups_are_said_to_have_none(build_run: Build) -> None:
    run = build_run()
    table = data_table(collect(run)["data"])
    assert [row[-1].parts[0][1] for row in table.rows] == [6, 2, 4, 3]
    assert "never cross a split. Groups come from: one group an image." in table.notes[0]
    path = run / "data" / "datalist.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"group"', '"other"'), encoding="utf-8")
    table = data_table(collect(run)["data"])
    assert [row[-1].parts for row in table.rows] == 4 * [[("–", None)]]
    assert "images of one patient may lie in several splits" in table.notes[0]


def test_outline_of_one_pixel_and_of_a_full_mask() -> None:
    mask = np.zeros((4, 6), bool)
    mask[1, 3] = True
    points = {tuple(map(float, pair)) for pair in re.findall(r"([\d.-]+) ([\d.-]+)", outline(mask))}
    assert points == {(3.5, 1.0), (3.5, 2.0), (3.0, 1.5), (4.0, 1.5)}  # x is the column: a diamond about (3.5, 1.5)
    full = outline(np.ones((4, 6), bool))
    corners = np.array([tuple(map(float, pair)) for pair in re.findall(r"([\d.-]+) ([\d.-]+)", full)])
    assert corners.min(0).tolist() == [0, 0]
    assert corners.max(0).tolist() == [6, 4]
    assert full.endswith("Z")
    assert outline(np.zeros((4, 6), bool)) == ""


def test_dice_of_drawn_masks() -> None:
    a, b = np.array([[1, 1, 0, 0]]), np.array([[0, 1, 1, 0]])
    assert mean_dice(a, b) == 0.5
    assert mean_dice(0 * a, 0 * b) == 1.0
    assert mean_dice(np.array([[1, 1, 2, 0, 2]]), np.array([[1, 0, 2, 0, 255]])) == pytest.approx((2 / 3 + 1) / 2)
    assert mean_dice(np.array([[1, 0]]), np.array([[1, 3]])) == 0.5


def test_examples_keep_their_order_and_bear_missing_masks(build_run: Build) -> None:
    folder = build_run() / "segmentation" / "unet_30" / "seed0"
    for number in (10, 9):
        (folder / "examples" / f"{number}_image.png").write_bytes((folder / "examples" / "0_image.png").read_bytes())
    examples = outlined_examples(StageFolder(folder))
    assert [example.number for example in examples] == [0, 9, 10]
    assert [panel.title for panel in examples[0].panels] == ["Image", "Truth", "Baseline", "Control", "Final"]
    assert [panel.title for panel in examples[1].panels] == ["Image"]
    assert examples[0].numbers()["dice"]["final"] > examples[0].numbers()["dice"]["baseline"]


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0.531, 0.559) == [0.535, 0.54, 0.545, 0.55, 0.555]
    assert ticks(0, 20) == [0, 5, 10, 15, 20]
    assert ticks(-0.3, 0.3) == [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]


def test_chart_places_points_and_escapes() -> None:
    svg = line_chart([Line("a", [0.0, 2.0], [0.0, 1.0], points=True)], "<b>", "x & y", "d", y_range=(0, 1))
    assert "&lt;b&gt;" in svg
    assert "x &amp; y" in svg
    assert 'd="M41.0 184.0L348.0 14.0"' in svg
    assert line_chart([Line("a", [], [])], "l", "x", "y") == ""
    assert "nan" not in line_chart([Line("flat", [1.0], [0.5])], "l", "x", "y")


def test_chart_with_names_intervals_and_labels() -> None:
    line = Line("a", [0.0, 1.0], [0.5, 0.6], points=True, joined=False, spans=[(0.4, 0.7)], labels=["<n>"])
    svg = line_chart([line], "l", "x", "y", y_range=(0, 1), x_names=["first", "n" * 40])
    assert 'class="line' not in svg
    assert svg.count('class="span a"') == 1
    assert "&lt;n&gt;" in svg
    assert ">first<" in svg
    assert re.search(r">n{10,30}…<", svg)  # a long name is cut to its room
    assert re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', svg) == [("117.75", "99.0"), ("271.25", "82.0")]


def test_long_scale_leaves_room_for_its_title() -> None:
    svg = line_chart([Line("a", [0.0, 1.0], [-12345.0, 5.0])], "l", "x", "y")
    longest = max(re.findall(r'text-anchor="end">([^<]+)<', svg), key=len)
    right = float(re.findall(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="end"', svg)[0])
    assert len(longest) == 6  # −12000
    assert right - 7 * len(longest) > 11  # the title stands turned about x = 11


def test_scale_goes_below_zero_only_where_a_value_does() -> None:
    assert value_range([0.0, 0.0])[0] == 0
    assert value_range([0.01, 0.9])[0] == 0
    assert value_range([-0.01, 0.9])[0] < -0.01
    assert value_range([0.8, 0.9]) == pytest.approx((0.792, 0.908))


def test_dice_plot_shares_one_scale_and_the_baseline(build_run: Build) -> None:
    plot = dice_plot(collect(build_run())["segmentation"][0])
    assert plot is not None
    assert [panel.title for panel in plot.panels] == ["Validation", "Test"]
    scales = [re.findall(r'text-anchor="end">([\d.]+)<', panel.svg) for panel in plot.panels]
    assert scales[0] == scales[1]
    assert "control) from 0.530 to 0.541" in plot.panels[1].svg
    assert plot.panels[1].svg.count('class="ring') == 2


def test_curve_survives_a_kill_and_a_resume(tmp_path: Path) -> None:
    path = tmp_path / "stats.jsonl"
    ticks_written = [{"kimg": k, "loss_g": 1.0, "ada_rt": None} for k in range(500)] + [{"kimg": 499, "loss_g": 2.0}]
    path.write_text("\n".join(map(json.dumps, ticks_written)) + '\n{"kimg": 50', encoding="utf-8")
    curve = read_curve(path, max_points=100)
    assert curve is not None
    assert len(curve) == 100
    assert curve[-1] == {"kimg": 499.0, "loss_g": 2.0}
    assert read_curve(tmp_path / "absent.jsonl") is None


def test_benchmarks_too_short_to_sample(build_run: Build) -> None:
    entries = read_benchmarks(RunLayout(build_run()).benchmarks())
    assert entries == [
        {"stage": "prepare", "seconds": 0.4, "cpu_seconds": None, "peak_memory_mb": None},
        {"stage": "rounds", "seconds": 184.5, "cpu_seconds": 331.5, "peak_memory_mb": 1834.25},
    ]


def test_not_a_number_becomes_missing_and_a_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_text('{"fid": NaN}', encoding="utf-8")
    assert read_json(path) == {"fid": None}
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(ValueError, match=r"Expected a JSON object in .*metrics\.json, got list"):
        read_json(path)


def test_overview_shows_classes_and_outlines(build_run):
    from PIL import Image

    from ssgnet_monai.report import write_report

    run = build_run()
    write_report(run)
    with Image.open(run / "overview.png") as picture:
        colours = {colour for _, colour in picture.getcolors(1 << 24)}
        assert picture.width == 990
    assert {(0, 114, 178), (230, 159, 0), (0, 158, 115)} <= colours

"""The answer in words: one seed, several seeds, and a method that loses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ssgnet_monai.report.collect import collect
from ssgnet_monai.report.segmentation_tables import overview_table
from ssgnet_monai.report.tables import synthesis_table

Build = Callable[..., Path]


def answer(run: Path) -> tuple[str, str]:
    found = collect(run)["answers"][0]
    return found["verdict"], " ".join(found["sentences"])


def test_one_seed_with_zero_in_the_interval(build_run: Build) -> None:
    verdict, text = answer(build_run())
    assert verdict == "unclear"
    assert text == (
        "With 30 labelled images to learn from and 2 for validation the segmenter reached test Dice "
        "0.530 (one seed). After two pseudo-label rounds "
        "(chosen on validation) it reached 0.551; the real-only control with the same number of optimiser steps "
        "reached 0.541. Difference of chosen and control: +0.010 [95% CI −0.004 to +0.025, one seed]: the interval "
        "holds zero, so this run shows no difference either way. On the same images Otsu’s threshold scores 0.412 and "
        "calling every pixel foreground 0.260."
    )


def test_interval_above_zero(build_run: Build) -> None:
    verdict, text = answer(build_run(ci=(0.002, 0.019)))
    assert verdict == "better"
    assert "[95% CI +0.002 to +0.019, one seed]: on these test images the pseudo-labels helped." in text


def test_losing_is_said(build_run: Build) -> None:
    verdict, text = answer(build_run(dices=(0.40, 0.39, 0.38), control=0.405, ci=(-0.04, -0.01)))
    assert verdict == "worse"
    assert "−0.025" in text
    assert "did harm" in text
    assert "does not beat these simple answers" in text  # Otsu's 0.412


def test_baseline_chosen(build_run: Build) -> None:
    _, text = answer(build_run(chosen=0, dices=(0.55, 0.54, 0.53)))
    assert "Validation preferred this baseline to every pseudo-label round" in text
    assert "After" not in text


def test_several_seeds_mean_and_sample_sd(build_run: Build) -> None:
    run = build_run(seeds=(0, 1, 2), ci=(0.001, 0.02))
    verdict, text = answer(run)
    assert verdict == "better"
    # 0.5303, 0.5403, 0.5503: mean 0.5403, sample sd 0.01; differences 0.0103, 0.0143, 0.0183
    assert "test Dice 0.540 ± 0.010 (mean ± sd of 3 seeds)" in text
    assert "+0.014 ± 0.004 over 3 seeds (the 95% CI lies above zero in 3 and below zero in 0 of 3)" in text
    row = collect(run)["segmentation"][0]
    assert row["seeds"] == [0, 1, 2]
    assert row["test"][2]["chosen_in"] == 3
    assert row["difference"]["values"] == [entry["difference"] for entry in row["difference"]["by_seed"]]
    # Half-widths of the test images .0133 below and .0057 above, of the training 4.303 * .004 / sqrt(3) = .0099
    assert row["difference"]["interval"] == pytest.approx([0.0143 - 0.0166, 0.0143 + 0.0114], abs=1e-4)
    parts = overview_table([row]).rows[0][-1].parts
    assert "".join(text for text, _ in parts) == "+0.014 ± 0.004 [−0.002, +0.026]"


def test_ahead_in_every_seed_by_less_than_chance_is_a_hint(build_run: Build) -> None:
    verdict, text = answer(build_run(seeds=(0, 1, 2)))
    assert verdict == "unclear"
    assert "ahead in every seed, but most intervals hold zero: a hint, not a finding" in text


def test_unlimited_row_says_all_labelled_training_images(build_run: Build) -> None:
    assert answer(build_run(num_labeled=None))[1].startswith("With 6 labelled images")


def test_trained_without_rounds(build_run: Build) -> None:
    run = build_run()
    path = run / "segmentation" / "unet_30" / "seed0" / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    only = metrics["checkpoints"]["pseudo_label/round_00"]
    for name in ("control", "paired_bootstrap"):
        metrics.pop(name)
    path.write_text(json.dumps({**metrics, "checkpoints": {"model": only}, "chosen": "model"}), encoding="utf-8")
    path.with_name("rounds.json").unlink()
    verdict, text = answer(run)
    assert verdict == "unclear"
    assert text.startswith(
        "With 6 labelled images to learn from and 2 for validation the segmenter reached test Dice 0.530 (one seed)."
    )
    assert collect(run)["segmentation"][0]["test"][0]["name"] == "Trained model, no rounds"
    assert collect(run)["answers"][0]["headline"] == "nothing to compare"


def test_shared_baseline_is_listed_once(build_run: Build) -> None:
    row = collect(build_run())["segmentation"][0]
    assert [entry["name"] for entry in row["validation"]] == [
        "Baseline (round 0)",
        "Pseudo-labels, round 1",
        "Pseudo-labels, round 2",
        "Real only (control), round 1",
        "Real only (control), round 2",
    ]


def test_generator_sentence(build_run: Build) -> None:
    assert collect(build_run())["generator_answers"][0] == (
        "Generator “benign”: KID 0.0312, 39 times smaller than the untrained generator’s 1.21 and below the 0.0934 of "
        "blurred real images."
    )


def edit(run: Path, name: str, **changes: object) -> None:
    file = run / "generators" / name / "metrics.json"
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def test_scores_that_were_left_out_are_explained(build_run: Build) -> None:
    run = build_run()
    edit(run, "class0", kid=None, fid=None, references={}, left_out="Too few images.")
    report = collect(run)
    assert report["generator_answers"][0] == "Generator “benign”: Too few images."
    assert synthesis_table(report["synthesis"][0]).notes[0].endswith("Too few images.")


def test_scores_of_two_extractors_are_not_set_side_by_side(build_run: Build) -> None:
    run = build_run()
    edit(run, "class1", features={"name": "clean-fid Inception", "sha256": "ab" * 32})
    report = collect(run)
    for entry, sentence in zip(report["synthesis"], report["generator_answers"], strict=True):
        assert "different feature extractors (clean-fid Inception and trained on" in sentence
        assert all(one["kid"] is None and one["fid"] is None for one in entry["distances"])
        assert "one setting of `inception`" in synthesis_table(entry).notes[0]

"""The answer in words: a gain, no difference that could be seen, a loss; one seed and several."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ssgnet_monai.report.collect import collect
from ssgnet_monai.report.segmentation_tables import overview_table
from ssgnet_monai.report.tables import synthesis_table
from tests.report.case_files import TEST_CASES, case_dices, write_cases

Build = Callable[..., Path]


def answer(run: Path) -> tuple[str, str]:
    found = collect(run)["answers"][0]
    return found["verdict"], " ".join(found["sentences"])


def test_one_seed_with_zero_in_the_interval(build_run: Build) -> None:
    """Chosen minus control is .0103 in the mean, .0303 in two cases and -.0097 in two."""
    verdict, text = answer(build_run())
    assert verdict == "unclear"
    assert text == (
        "No difference that this test could see (it resolves 0.020): +0.010 in mean Dice [95% CI −0.010 to +0.030] "
        "against labelled images alone, chosen on validation, the better of 2 controls (one seed: the interval holds "
        "the chance of the 4 test pictures alone). With 30 labelled images to learn from and 2 for validation the "
        "segmenter reached a mean test Dice over 4 pictures of 0.509 (one seed). After two pseudo-label rounds it "
        "reached 0.530. Controls: labelled images alone, equal steps 0.509; labelled images alone, chosen on "
        "validation 0.520. In pooled Dice: +0.010 [95% CI −0.010 to +0.030]. Without a network: Otsu’s threshold "
        "0.391; every pixel foreground 0.239."
    )


def test_interval_above_zero(build_run: Build) -> None:
    run = build_run(noise=0.002)
    verdict, text = answer(run)
    assert verdict == "better"
    assert collect(run)["answers"][0]["headline"] == "gain, one seed"
    assert text.startswith("Gain: +0.010 in mean Dice [95% CI +0.008 to +0.012] against labelled images alone")


def test_losing_is_said(build_run: Build) -> None:
    verdict, text = answer(build_run(dices=(0.40, 0.39, 0.38), control=0.405, noise=0.001))
    assert verdict == "worse"
    assert text.startswith("Loss: −0.025 in mean Dice")
    assert "is not clearly better than these simple answers" in text  # Otsu's 0.412


def test_baseline_chosen(build_run: Build) -> None:
    _, text = answer(build_run(chosen=0, dices=(0.55, 0.54, 0.53)))
    assert text.startswith("No difference: the chosen model is the better of 2 controls itself (one seed")
    assert "Validation preferred this baseline to every pseudo-label round" in text
    assert "After" not in text


def test_several_seeds_mean_and_sample_sd(build_run: Build) -> None:
    run = build_run(seeds=(0, 1, 2), noise=0.004)
    verdict, text = answer(run)
    assert verdict == "better"
    # 0.5303, 0.5403, 0.5503: mean 0.5403, sample sd 0.01; differences to the control 0.0103, 0.0143, 0.0183
    assert "mean test Dice over 4 pictures of 0.519 ± 0.010 (mean ± sd of 3 seeds)" in text
    assert text.startswith("Gain: +0.014 in mean Dice [95% CI +0.0")
    assert "(3 seeds, 4 test pictures)" in text
    row = collect(run)["segmentation"][0]
    assert row["seeds"] == [0, 1, 2]
    assert row["test"][2]["chosen_in"] == 3
    assert row["better"]["control"] == "real_only"
    assert row["better"]["per_case"]["by_seed"] == pytest.approx([0.0103, 0.0143, 0.0183])
    assert row["better"]["per_case"]["difference"] == pytest.approx(0.0143)
    parts = overview_table([row]).rows[0][-2].parts
    assert "".join(text for text, _ in parts).startswith("+0.014 [+0.0")


def test_patients_are_counted_where_cases_share_one(build_run: Build) -> None:
    run = build_run()
    path = run / "data" / "datalist.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"p9"', '"p8"'), encoding="utf-8")
    assert "the chance of the 4 test pictures of 3 patients alone" in answer(run)[1]


def test_without_scores_by_case_nothing_is_claimed(build_run: Build) -> None:
    run = build_run()
    (run / "segmentation" / "unet_30" / "seed0" / "per_case.csv").unlink()
    verdict, text = answer(run)
    assert verdict == "unclear"
    assert "nothing can be said about a gain" in text


def test_unlimited_row_says_all_labelled_training_images(build_run: Build) -> None:
    assert "With 6 labelled images" in answer(build_run(num_labeled=None))[1]


def test_trained_without_rounds(build_run: Build) -> None:
    run = build_run()
    path = run / "segmentation" / "unet_30" / "seed0" / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    only = metrics["checkpoints"]["pseudo_label/round_00"]
    metrics.pop("control")
    path.write_text(json.dumps({**metrics, "checkpoints": {"model": only}, "chosen": "model"}), encoding="utf-8")
    path.with_name("rounds.json").unlink()
    write_cases(path.parent, {"model": case_dices(0.53), "otsu": case_dices(0.41)}, TEST_CASES)
    verdict, text = answer(run)
    assert verdict == "unclear"
    assert text.startswith(
        "With 6 labelled images to learn from and 2 for validation the segmenter reached a mean test Dice over 4 "
        "pictures of 0.509 (one seed)."
    )
    assert collect(run)["segmentation"][0]["test"][0]["name"] == "Trained model"
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

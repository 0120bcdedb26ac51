"""The advice of a short look: every rule by hand, a made-up run of two trainings, and what a terminal shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssgnet_monai.pipeline.layout import RunLayout
from ssgnet_monai.report.headroom import advise, headroom_of, headroom_text
from tests.report.case_files import TEST_CASES, case_dices, write_cases
from tests.report.conftest import write


def found(difference: float, half: float) -> dict:
    return {"difference": difference, "ci95": [difference - half, difference + half], "detectable": half}


@pytest.mark.parametrize(
    ("headroom", "resolves", "blind", "advice", "said"),
    [
        (
            0.2,
            0.05,
            0.3,
            "add unlabelled images",
            "bring +0.200 [95% CI +0.150 to +0.250]: pseudo-labels that bring 2",
        ),
        (0.1, 0.05, 0.3, "add unlabelled images", "50%"),
        (0.08, 0.05, 0.3, "label more", "would have to bring 62% of that"),
        (0.04, 0.05, 0.3, "stop", "+0.040 [95% CI −0.010 to +0.090], which this test cannot tell from nothing (it"),
        (-0.2, 0.05, 0.3, "stop", "−0.200"),
        (0.2, 0.05, 0.01, "learn first", "+0.010 [95% CI −0.010 to +0.030]"),
    ],
)
def test_the_rules(headroom: float, resolves: float, blind: float, advice: str, said: str) -> None:
    key, sentence = advise(found(-headroom, resolves), found(blind, 0.02))
    assert key == advice
    assert said in sentence


def test_without_hidden_masks_or_scores_nothing_is_advised() -> None:
    key, sentence = advise(None, found(0.3, 0.02))
    assert key == "unknown"
    assert "Set num_labeled" in sentence
    nothing = {"difference": None, "ci95": None, "detectable": None}
    assert advise(nothing, nothing)[0] == "unknown"


def add_row(run: Path, name: str, dices: list[float]) -> None:
    place = run / "segmentation" / name / "seed0"
    write(place / "metrics.json", {"n": 4, "n_training_masks": 30, "chosen": "model", "case": "picture"})
    write_cases(place, {"model": dices, "image_blind": case_dices(0.2)}, TEST_CASES)


def test_a_short_run_in_words(tmp_path: Path) -> None:
    """The models differ by .2 in every case, so that the test resolves any difference."""
    add_row(tmp_path, "unet", case_dices(0.5))
    add_row(tmp_path, "unet-oracle", case_dices(0.7))
    (row,) = headroom_of(RunLayout(tmp_path), {"unet": "unet-oracle"})
    assert row["dice"] == pytest.approx(0.479)
    assert row["oracle"]["per_case"]["difference"] == pytest.approx(-0.2)
    assert row["advice"] == "add unlabelled images"
    assert headroom_text([row], 0.1).splitlines()[:4] == [
        "unet: mean Dice over 4 test pictures, one seed, budget 0.1",
        "  30 labelled images alone: 0.479",
        "  true masks on the pool: 0.679, difference +0.200 [95% CI +0.200 to +0.200]",
        "  one mask for all images (image-blind): 0.179, difference −0.300 [95% CI −0.300 to −0.300]",
    ]
    assert "From a training of 10% of the length and one seed" in headroom_text([row], 0.1)
    (alone,) = headroom_of(RunLayout(tmp_path), {"unet": None})
    assert (alone["oracle"], alone["advice"]) == (None, "unknown")


def test_a_row_without_scores_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Expected test scores of unet in"):
        headroom_of(RunLayout(tmp_path), {"unet": None})

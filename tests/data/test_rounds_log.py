import json

import pytest

from ssgnet_monai.data import RoundsLog


def record(t, dice):
    return {"round": t, "val_dice": dice, "model": f"m{t}.pt", "sha256": str(t) * 64}


def test_choice_is_the_best_by_validation_and_the_earlier_one_on_a_tie(tmp_path):
    log = RoundsLog(tmp_path / "rounds.json", {"seed": 0})
    for t, dice in enumerate([0.5, 0.7, 0.7]):
        log.record("pseudo_label", record(t, dice))
    for t, dice in enumerate([0.5, 0.4]):
        log.record("real_only", record(t, dice))
    assert log.choose("pseudo_label", "real_only")["round"] == 1
    written = json.loads((tmp_path / "rounds.json").read_text())
    assert written["control_choice"] == {"arm": "real_only", **record(0, 0.5)}


def test_a_round_done_again_replaces_itself_and_drops_later_ones(tmp_path):
    log = RoundsLog(tmp_path / "rounds.json", {})
    for t in range(3):
        log.record("pseudo_label", record(t, 0.1 * t))
    log.record("pseudo_label", record(1, 0.9))
    assert [r["val_dice"] for r in RoundsLog(tmp_path / "rounds.json", {}).records("pseudo_label")] == [0.0, 0.9]


def test_rounds_of_other_settings_are_refused(tmp_path):
    RoundsLog(tmp_path / "rounds.json", {"steps": 10}).record("pseudo_label", record(0, 0.5))
    with pytest.raises(ValueError, match="steps = 20, found 10"):
        RoundsLog(tmp_path / "rounds.json", {"steps": 20})
    assert RoundsLog(tmp_path / "rounds.json", {"steps": 10, "new": 1}).records("pseudo_label")  # not known then

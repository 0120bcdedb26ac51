import pytest

from ssgnet_monai.engines import RoundsPlan


def records(*dices):
    return [{"round": t, "val_dice": dice} for t, dice in enumerate(dices)]


def test_with_the_gate_a_worse_round_labels_nothing():
    assert RoundsPlan().labeller(records(0.5, 0.6, 0.4))["round"] == 1
    assert RoundsPlan(gate=False).labeller(records(0.5, 0.6, 0.4))["round"] == 2


@pytest.mark.parametrize(
    ("dices", "patience", "stops"),
    [
        ([0.5, 0.5005], 1, True),
        ([0.5, 0.502], 1, False),
        ([0.5, 0.4, 0.5004], 2, True),
        ([0.5, 0.4, 0.6], 2, False),
        ([0.5, 0.4, 0.4], None, False),
    ],
)
def test_convergence_counts_rounds_without_gain(dices, patience, stops):
    assert RoundsPlan(patience=patience).converged(records(*dices)) is stops


def test_validation_that_cannot_choose_leaves_the_newest_round():
    plan = RoundsPlan(patience=1)
    assert plan.labeller(records(None, None, None))["round"] == 2
    assert not plan.converged(records(None, None, None))
    assert plan.labeller(records(0.2, None, 0.1))["round"] == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": "hot"}, "'cold' or 'warm', got 'hot'"),
        ({"num_rounds": -1}, "num_rounds >= 0, got -1"),
        ({"patience": 0}, "patience of at least 1 round or null, got 0"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        RoundsPlan(**settings)

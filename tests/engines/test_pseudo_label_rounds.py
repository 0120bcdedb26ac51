import pytest

from ssgnet_monai.data import RoundsLog, SampleStream
from ssgnet_monai.engines import PseudoLabelRounds, pseudo_label_rounds


@pytest.fixture
def rounds(tmp_path):
    def build(dices=(), **settings):
        log = RoundsLog(tmp_path / "rounds.json", {})
        for t, dice in enumerate(dices):
            log.record("pseudo_label", {"round": t, "val_dice": dice, "complete": True})
        arguments = {"labeled": [{"image": "a"}], "pool": [{"image": "b"}], "log": log, "output_dir": tmp_path}
        parts = dict.fromkeys(("make_trainer", "session", "network"))
        dataset = SampleStream([{"image": "a"}])
        return PseudoLabelRounds(**parts, dataset=dataset, **{**arguments, **settings})

    return build


def test_with_the_gate_a_worse_round_labels_nothing(rounds):
    assert rounds([0.5, 0.6, 0.4]).labeller()["round"] == 1
    assert rounds([0.5, 0.6, 0.4], gate=False).labeller()["round"] == 2


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
def test_convergence_counts_rounds_without_gain(rounds, dices, patience, stops):
    assert rounds(dices, patience=patience)._converged() is stops


def test_several_processes_are_refused(rounds, monkeypatch):
    monkeypatch.setattr(pseudo_label_rounds, "num_ranks", lambda: 2)
    with pytest.raises(ValueError, match="one process for pseudo-label rounds, got 2"):
        rounds()


def test_complete_rounds_are_not_started_again(rounds):
    engine = rounds([0.5, 0.6, 0.7], num_rounds=2)
    engine.run()
    assert engine.state.iteration == 0


def test_the_control_has_no_pool_and_a_name_of_its_own(rounds):
    assert rounds(pool=None).arm == "real_only"
    assert rounds().arm == "pseudo_label"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": "hot"}, "'cold' or 'warm', got 'hot'"),
        ({"num_rounds": -1}, "num_rounds >= 0, got -1"),
        ({"pool": []}, "got an empty pool"),
    ],
)
def test_wrong_settings_are_named(rounds, settings, message):
    with pytest.raises(ValueError, match=message):
        rounds(**settings)


@pytest.mark.parametrize("gate", [True, False])
@pytest.mark.parametrize("patience", [1, 2, None])
def test_the_control_has_as_many_rounds_as_the_arm_it_is_compared_with(rounds, gate, patience):
    dices = [0.5, 0.4, 0.4][: 3 if patience is None else patience + 1]
    arm = rounds(dices, gate=gate, patience=patience)
    assert arm._converged() is (patience is not None)
    control = rounds(pool=None, gate=gate, patience=patience, log=arm.log)
    assert control.last_round == len(dices) - 1
    for t, dice in enumerate([0.5, 0.45, 0.42]):
        arm.log.record("real_only", {"round": t, "val_dice": dice})
        assert not control._converged()  # its own lack of gain does not end it
    assert control.labeller()["round"] == (0 if gate else 2)  # a warm start begins from the same choice as the rounds


def test_validation_that_cannot_choose_leaves_the_newest_round(rounds):
    engine = rounds([None, None, None], patience=1)
    assert engine.labeller()["round"] == 2
    assert not engine._converged()
    assert rounds([0.2, None, 0.1]).labeller()["round"] == 0

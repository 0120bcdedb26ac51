import pytest

from ssgnet_monai.data import RoundsLog
from ssgnet_monai.engines import PseudoLabelRounds, RoundsPlan, pseudo_label_rounds


@pytest.fixture
def rounds(tmp_path):
    def build(dices=(), pool=({"image": "b"},), log=None, **plan):
        if log is None:
            log = RoundsLog(tmp_path / "rounds.json", {})
            for t, dice in enumerate(dices):
                log.record("pseudo_label", {"round": t, "val_dice": dice, "complete": True})
        return PseudoLabelRounds(None, [{"image": "a"}], pool, log, RoundsPlan(**plan))

    return build


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


def test_an_empty_pool_is_refused(rounds):
    with pytest.raises(ValueError, match="got an empty pool"):
        rounds(pool=[])
    rounds(pool=[], num_rounds=0)


@pytest.mark.parametrize("gate", [True, False])
@pytest.mark.parametrize("patience", [1, 2, None])
@pytest.mark.parametrize("start", ["cold", "warm"])
def test_the_control_has_as_many_rounds_as_the_arm_it_is_compared_with(rounds, gate, patience, start):
    dices = [0.5, 0.4, 0.4][: 3 if patience is None else patience + 1]
    plan = {"gate": gate, "patience": patience, "start": start}
    arm = rounds(dices, **plan)
    assert arm.converged is (patience is not None)
    control = rounds(pool=None, log=arm.log, **plan)
    assert control.last_round == len(dices) - 1
    for t, dice in enumerate([0.5, 0.45, 0.42]):
        arm.log.record("real_only", {"round": t, "val_dice": dice})
        assert not control.converged  # its own lack of gain does not end it
    # a warm start begins from the same choice as the rounds
    assert control.plan.labeller(control.records)["round"] == (0 if gate else 2)

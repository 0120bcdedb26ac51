import json
from types import SimpleNamespace

import pytest
import torch
from ignite.engine import Events

from ssgnet_monai.data import RoundsLog
from ssgnet_monai.data.label_vote import vote
from ssgnet_monai.data.pseudo_labels import PseudoLabelFolder, pseudo_labels
from ssgnet_monai.engines import PseudoLabelRounds, RoundsPlan, pseudo_label_rounds
from ssgnet_monai.engines.round_training import TrainingResult


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


class Trained:
    """A training that writes an empty model and tells what it was given."""

    def __init__(self):
        self.given, self.begun_with = [], []

    def run(self, state_dir, model_path, seed, items, mixture, weights):
        model_path.parent.mkdir(parents=True, exist_ok=True)
        model_path.write_bytes(b"weights")
        self.given.append([item["image"] for item in items[1]])
        self.begun_with.append(weights and weights.name)
        return TrainingResult(0.5, 1, 1.0)


def labelled(stability):
    """What attaches to the engine and writes a round's masks of these stabilities, by image."""

    def attach(engine):
        engine.add_event_handler(Events.EPOCH_COMPLETED, lambda: write(engine.state.output))

    def write(task):
        shape = (len(task.items), 1, 4, 4)
        labels = pseudo_labels(vote([[torch.full(shape, 0.5).expand(-1, 2, -1, -1)]]), soft=task.soft)
        labels["stability"] = torch.tensor([stability[item["image"]] for item in task.items])
        folder = PseudoLabelFolder(task.folder, task.sha256)
        folder.write(folder.begin(task.items), task.items, labels)
        folder.publish(task.items, {})

    return SimpleNamespace(attach=attach)


def test_generated_images_are_left_out_for_the_run_and_for_a_round(tmp_path):
    pool = [{"image": str(tmp_path / name), "origin": "synthetic"} for name in ("copy", "unsteady", "good")]
    pool.append({"image": str(tmp_path / "real"), "origin": "real"})
    stability = dict(zip((item["image"] for item in pool), (1.0, 0.4, 0.9, 0.1), strict=True))
    training, log = Trained(), RoundsLog(tmp_path / "rounds.json", {})
    plan = RoundsPlan(num_rounds=1, synthetic_stability_floor=0.5, labels="soft")
    PseudoLabelRounds(
        training, [{"image": "a"}], pool, log, plan, [labelled(stability)], lambda items: (items[1:], {"copies": 1})
    ).run()
    assert training.given == [[], [pool[2]["image"], pool[3]["image"]]]
    content = json.loads((tmp_path / "rounds.json").read_text())
    assert content["screened"] == {"copies": 1}
    baseline, record = content["arms"]["pseudo_label"]
    assert (baseline["unsteady_synthetic"], record["unsteady_synthetic"]) == (0, 1)
    assert record["training_samples"]["pool"] == {"synthetic": 1, "real": 1}
    assert len(list((tmp_path / "pseudo_labels" / "round_01").glob("soft*.npz"))) == 3


def test_with_a_warm_start_each_teacher_goes_on_from_its_own_weights(tmp_path):
    training, plan = Trained(), RoundsPlan(num_rounds=1, start="warm", teachers=2, gate=False)
    pool = [{"image": str(tmp_path / "real"), "origin": "real"}]
    log = RoundsLog(tmp_path / "rounds.json", {})
    PseudoLabelRounds(training, [{"image": "a"}], pool, log, plan, [labelled({pool[0]["image"]: 1.0})]).run()
    assert training.begun_with == [None, None, "baseline.pt", "baseline_teacher_2.pt"]

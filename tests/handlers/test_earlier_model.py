"""A model stays unless training beats it on validation; what happened is written down when training ends."""

import json
import math

import pytest
import torch
from ignite.engine import Engine, Events
from monai.engines import SupervisedTrainer
from torch.utils.data import DataLoader

from ssgnet_monai.handlers import (
    AtomicCheckpoint,
    BestWeights,
    EarlierModel,
    NetworkAverage,
    PublishModel,
    TrainingSession,
)


class Validator(Engine):
    """Scores the network's only weight by a table: 0 is the earlier model, then each epoch's."""

    def __init__(self, network, scores):
        super().__init__(lambda engine, batch: None)
        self.network, self.scores, self.seen = network, scores, []

    def run(self, epoch=1):
        weight = self.network.weight.item()
        self.state.epoch, self.state.key_metric_name = epoch, "score"
        self.state.metrics = {"score": self.scores[round(weight)]}
        self.seen.append(weight)
        self.fire_event(Events.COMPLETED)


def train(tmp_path, scores, to_beat, kill_after=None, choose="best", averaged=False):
    """Three epochs of one step; after step k the weight is k. The earlier model's weight is 9.

    ``averaged``: what is scored and kept is the average with a half-life of one step.
    """
    network, average = (torch.nn.Linear(1, 1, bias=False) for _ in range(2))
    for layer in (network, average):
        torch.nn.init.zeros_(layer.weight)
    scored = average if averaged else network
    optimizer = torch.optim.SGD(network.parameters(), lr=0.0)
    session = TrainingSession({"network": network, "average": average}, tmp_path / "state", tmp_path / "model.pt")
    validator = Validator(scored, scores)
    BestWeights(session, scored, choose).attach(validator)
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=3,
        epoch_length=1,
        train_data_loader=DataLoader([{"image": torch.ones(1), "label": torch.ones(1)}]),
        network=network,
        optimizer=optimizer,
        loss_function=torch.nn.MSELoss(),
        decollate=False,
    )
    step = Events.ITERATION_COMPLETED
    trainer.add_event_handler(step, lambda: torch.nn.init.constant_(network.weight, trainer.state.iteration))
    NetworkAverage(average, network, batch_size=1, half_life_kimg=0.001, ramp=None).attach(trainer)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: validator.run(trainer.state.epoch))
    AtomicCheckpoint(session).attach(trainer)
    EarlierModel(session, validator, scored, to_beat).attach(trainer)
    PublishModel(session, scored, choose=choose).attach(trainer)
    if kill_after:

        def kill():
            if trainer.state.epoch == kill_after:
                raise KeyboardInterrupt

        trainer.add_event_handler(Events.EPOCH_COMPLETED, kill)
    trainer.run()
    return validator


def weight(path):
    return torch.load(path, weights_only=True)["weight"].item()


def record(tmp_path):
    return json.loads((tmp_path / "state" / "training.json").read_text())


@pytest.fixture
def earlier(tmp_path):
    torch.save({"weight": torch.tensor([[9.0]])}, tmp_path / "model.pt")
    return tmp_path / "model.pt"


def test_a_training_that_does_not_beat_the_model_leaves_its_file_alone(tmp_path, earlier):
    before = earlier.read_bytes()
    validator = train(tmp_path, {9: 0.9, 1: 0.7, 2: 0.9, 3: 0.8}, earlier)
    assert validator.seen == [9, 1, 2, 3]
    assert earlier.read_bytes() == before
    assert record(tmp_path) == {
        "result": "kept",
        "earlier_score": 0.9,
        "score": 0.9,
        "step": 0,
        "steps": 3,
        "data_sha256": None,
        "masks": None,
    }


def test_a_training_that_beats_it_replaces_it_at_the_end_only(tmp_path, earlier):
    before = earlier.read_bytes()
    scores = {9: 0.5, 1: 0.4, 2: 0.8, 3: 0.7}
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, scores, earlier, kill_after=3)
    assert earlier.read_bytes() == before
    validator = train(tmp_path, scores, earlier)
    assert 9 not in validator.seen  # the score of before the stop counts
    assert weight(earlier) == 2
    assert record(tmp_path) == {
        "result": "improved",
        "earlier_score": 0.5,
        "score": 0.8,
        "step": 2,
        "steps": 3,
        "data_sha256": None,
        "masks": None,
    }
    assert not (tmp_path / "state" / "best.pt").exists()
    train(tmp_path, scores, earlier)  # once more: it is finished
    assert weight(earlier) == 2


def test_weights_from_elsewhere_become_the_model_where_they_are_the_best(tmp_path):
    torch.save({"weight": torch.tensor([[9.0]])}, tmp_path / "other.pt")
    train(tmp_path, {9: 0.9, 1: 0.7, 2: 0.6, 3: 0.8}, tmp_path / "other.pt")
    assert weight(tmp_path / "model.pt") == 9
    assert record(tmp_path)["result"] == "kept"


@pytest.mark.parametrize(("choose", "step"), [("last", 3), ("best", 2)])
def test_the_last_weights_or_the_best_by_hand(tmp_path, choose, step):
    """The average after the steps 1, 2 and 3 is 0.5, 1.25 and 2.125."""
    train(tmp_path, {1: 0.1, 2: 0.9, 3: 0.2}, None, choose=choose)
    assert weight(tmp_path / "model.pt") == step
    assert record(tmp_path)["step"] == step
    (tmp_path / "averaged").mkdir()
    train(tmp_path / "averaged", {0: 0.1, 1: 0.9, 2: 0.2}, None, choose=choose, averaged=True)
    assert weight(tmp_path / "averaged" / "model.pt") == pytest.approx({"last": 2.125, "best": 1.25}[choose])


@pytest.mark.parametrize(("score", "result", "chosen"), [(0.75, "improved", 3), (0.85, "kept", 9)])
@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("kill_after", [None, 2])
def test_the_end_of_a_training_has_to_beat_the_model_where_it_is_taken(
    tmp_path, earlier, score, result, chosen, elsewhere, kill_after
):
    """The second epoch beats it, which does not count."""
    scores = {9: score, 1: 0.7, 2: 0.9, 3: 0.8}
    if elsewhere:
        earlier = earlier.rename(tmp_path / "other.pt")
    if kill_after:
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, scores, earlier, kill_after, choose="last")
    train(tmp_path, scores, earlier, choose="last")
    assert weight(tmp_path / "model.pt") == chosen
    assert record(tmp_path) == {
        "result": result,
        "earlier_score": score,
        "score": 0.8,
        "step": 0 if result == "kept" else 3,
        "steps": 3,
        "data_sha256": None,
        "masks": None,
    }


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ({1: math.nan, 2: math.nan, 3: math.nan}, 3),  # nothing to choose by: the last
        ({1: 0.2, 2: math.nan, 3: 0.1}, 1),
        ({1: math.nan, 2: 0.0, 3: math.nan}, 2),
    ],
)
def test_a_score_that_is_no_number_never_wins(tmp_path, caplog, scores, chosen):
    train(tmp_path, scores, None)
    assert weight(tmp_path / "model.pt") == chosen
    assert record(tmp_path)["result"] == "trained"
    assert record(tmp_path)["step"] == chosen
    assert caplog.text.count("cannot be computed") == 1


def test_best_weights_of_a_training_that_was_given_up_are_not_taken(tmp_path, earlier):
    (tmp_path / "state").mkdir()
    torch.save({"weight": torch.tensor([[5.0]])}, tmp_path / "state" / "best.pt")
    train(tmp_path, {9: 0.9, 1: 0.1, 2: 0.1, 3: 0.1}, earlier)
    assert weight(earlier) == 9

"""What a client of the label server is shown of a training, and the score of the model that is served."""

import json

import pytest
import torch
from ignite.engine import Engine, Events

from ssgnet_monai.handlers import BestWeights, ServedTraining, TrainingSession


class Validator(Engine):
    """The score is the only weight of its network, which may be the average of the one that trains."""

    def __init__(self, network):
        super().__init__(lambda engine, batch: None)
        self.network = network

    def run(self, epoch=1):
        self.state.epoch, self.state.key_metric_name = epoch, "score"
        self.state.metrics = {"score": self.network.weight.item()}
        self.fire_event(Events.COMPLETED)


@pytest.mark.parametrize("choose", ["best", "last"])
def test_the_present_model_is_scored_by_its_own_weights(choose, tmp_path):
    """Trainings of two epochs, whose averaged weights score 0.7 and 0.4; the network itself would score 0."""
    network, average = (torch.nn.Linear(1, 1, bias=False) for _ in range(2))
    for layer in (network, average):
        torch.nn.init.zeros_(layer.weight)
    torch.save({"weight": torch.tensor([[0.5]])}, tmp_path / "model.pt")
    session = TrainingSession({"network": network, "average": average}, tmp_path / "state", tmp_path / "trained.pt")
    validator, progress = Validator(average), tmp_path / "progress.json"
    BestWeights(session, average, choose).attach(validator)
    served = ServedTraining(session, validator, tmp_path / "model.pt", progress, trainings=2)
    told = []
    for _ in range(2):
        trainer = Engine(lambda engine, batch: None)
        trainer.add_event_handler(
            Events.EPOCH_STARTED, lambda engine: average.weight.data.fill_(1 - engine.state.epoch * 0.3)
        )
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: validator.run(engine.state.epoch))
        served.attach(trainer)
        trainer.add_event_handler(
            Events.STARTED, lambda: told.append((average.weight.item(), json.loads(progress.read_text())))
        )
        trainer.run([0], max_epochs=2)
    weight, first = told[0]
    assert weight == 0  # as before it was scored
    assert first == {"epoch": 0, "total_epochs": 4, "best_metric": 0.5, "present_metric": 0.5}
    last = json.loads(progress.read_text())
    assert (last["epoch"], last["present_metric"]) == (4, 0.5)
    assert last["best_metric"] == pytest.approx(0.7)


def test_progress_never_goes_back_over_several_trainings(tmp_path):
    session = TrainingSession({"network": torch.nn.Linear(1, 1)}, tmp_path / "state", tmp_path / "trained.pt")
    progress, seen = tmp_path / "progress.json", []
    served = ServedTraining(session, None, None, progress, trainings=2)
    for _ in range(2):  # of the labels alone, and of a round
        trainer = Engine(lambda engine, batch: None)
        served.attach(trainer)
        for event in (Events.STARTED, Events.EPOCH_COMPLETED, Events.COMPLETED):
            trainer.add_event_handler(event, lambda: seen.append(json.loads(progress.read_text())))
        trainer.run([0], max_epochs=3)
    assert [entry["epoch"] for entry in seen] == [0, 1, 2, 3, 3, 3, 4, 5, 6, 6]
    assert {entry["total_epochs"] for entry in seen} == {6}
    assert ["total_time" in entry for entry in seen] == [False] * 9 + [True]

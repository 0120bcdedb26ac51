"""The loss is where MONAI's loggers look for it, and all else where handlers do, wherever they stand."""

import pytest
import torch
from ignite.engine import Events
from monai.engines import IterationEvents, SupervisedTrainer
from monai.handlers import StatsHandler, from_engine

from ssgnet_monai.handlers import FiniteLoss, StepLoss, TrainingSession


class Reader:
    """Reads the prediction by name."""

    def __init__(self):
        self.seen = []

    def attach(self, engine):
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, lambda e: self.seen.append(e.state.output["pred"]))


@pytest.mark.parametrize("first", [True, False])
def test_monais_loggers_and_readers_by_name_in_either_order(first, tmp_path):
    network = torch.nn.Conv2d(1, 1, 1)
    losses, reader = [], Reader()
    readers = [reader, FiniteLoss(TrainingSession({}, tmp_path, tmp_path / "model.pt"))]
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=2,
        train_data_loader=[{"image": torch.ones(2, 1, 4, 4), "label": torch.zeros(2, 1, 4, 4)}],
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), 0.1),
        loss_function=torch.nn.MSELoss(),
        train_handlers=[StepLoss(), *readers] if first else [*readers, StepLoss()],
        decollate=False,
    )
    for read in (from_engine(["loss"], first=True), StatsHandler().output_transform):  # of MLflow; of the others

        def log(engine, read=read):
            losses.append(read(engine.state.output))

        trainer.add_event_handler(Events.ITERATION_COMPLETED, log)
    trainer.run()
    assert [pred.shape for pred in reader.seen] == [(2, 1, 4, 4)] * 2
    assert losses[::2] == pytest.approx([pred.square().mean().item() for pred in reader.seen])
    assert losses[1::2] == [{"loss": loss} for loss in losses[::2]]
    assert not any(loss.requires_grad for loss in losses[::2])

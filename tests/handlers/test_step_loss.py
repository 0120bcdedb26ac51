"""The loss is where MONAI's loggers look for it, after all other handlers have read the output."""

import torch
from ignite.engine import Engine, Events
from monai.handlers import from_engine

from ssgnet_monai.handlers import StepLoss


def test_a_logger_reads_the_loss():
    seen, before = [], []
    engine = Engine(lambda _, x: {"loss_g": torch.tensor(x, requires_grad=True) * 2, "pred": x})
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda e: before.append(e.state.output["pred"]))
    StepLoss("loss_g").attach(engine)
    read = from_engine(["loss"], first=True)
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda e: seen.append(read(e.state.output)))
    engine.run([1.0, 2.0])
    assert before == [1.0, 2.0]
    assert [float(loss) for loss in seen] == [2.0, 4.0]
    assert not seen[0].requires_grad

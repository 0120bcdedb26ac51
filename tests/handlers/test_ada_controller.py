"""AdaController: the published arithmetic, and a state that goes on."""

from __future__ import annotations

import pytest
import torch
from ignite.engine import Engine, Events

from ssgnet_monai.handlers import AdaController, TrainingSession
from ssgnet_monai.transforms.ada import AdaptiveAugment
from tests.handlers.step_engine import step_engine


def session() -> TrainingSession:
    return TrainingSession({}, "state", "model.pt")


def engine_of(outputs: list) -> Engine:
    return step_engine(lambda engine, _: {"real_sign": outputs[engine.state.iteration - 1]})


def test_p_moves_once_an_interval_by_the_sign_of_the_mean():
    augment = AdaptiveAugment(p=0.5)
    controller = AdaController(session(), augment, target=0.6, interval=2, kimg=10, batch_size=100)
    # Means 0.7 (up), 0.5 (down), 0.95 (up); per-image signs and plain floats count the same.
    outputs = [0.4, torch.tensor(1.0), torch.tensor([1.0, -1.0]), 1.0, 1.0, 0.9, 1.0]
    engine, seen = engine_of(outputs), []
    controller.attach(engine)
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda: seen.append(round(float(augment.p), 6)))
    engine.run([None], max_epochs=len(outputs), epoch_length=1)
    step = 2 * 100 / 10_000
    assert seen == pytest.approx([0.5, 0.5 + step, 0.5 + step, 0.5, 0.5, 0.5 + step, 0.5 + step])
    assert controller.statistic == pytest.approx(0.95)


def test_p_never_leaves_its_range():
    augment = AdaptiveAugment(p=0.0)
    engine = engine_of([-1.0] * 4)
    AdaController(session(), augment, interval=1, kimg=1, batch_size=600).attach(engine)
    engine.run([None], max_epochs=4, epoch_length=1)
    assert float(augment.p) == 0.0


def test_state_goes_on_in_the_middle_of_an_interval():
    outputs = [1.0, 1.0, 1.0, -1.0, 1.0, 0.3, 0.2, 0.9]

    def run(controller: AdaController, start: int, stop: int) -> None:
        engine = engine_of(outputs)
        controller.attach(engine)
        engine.state.iteration = start
        for iteration in range(start, stop):
            engine.state.iteration = iteration + 1
            engine.state.output = {"real_sign": outputs[iteration]}
            controller(engine)

    whole = AdaController(session(), AdaptiveAugment(p=0.2), interval=4, kimg=5, batch_size=64)
    run(whole, 0, 8)
    first = AdaController(session(), AdaptiveAugment(p=0.2), interval=4, kimg=5, batch_size=64)
    run(first, 0, 6)
    second = AdaController(session(), AdaptiveAugment(), interval=4, kimg=5, batch_size=64)
    second.load_state_dict(first.state_dict())
    assert all(isinstance(value, (int, float)) for value in first.state_dict().values())
    run(second, 6, 8)
    assert second.state_dict() == whole.state_dict()


def test_missing_output_says_what_came():
    engine = step_engine(lambda *_: {"loss": 1.0})
    AdaController(session(), AdaptiveAugment(), batch_size=1).attach(engine)
    with pytest.raises(ValueError, match=r"'real_sign'.*got \['loss'\]"):
        engine.run([None])
    with pytest.raises(ValueError, match="interval 0"):
        AdaController(session(), AdaptiveAugment(), interval=0, batch_size=1)


def test_the_session_saves_it_wherever_it_stands_among_the_handlers():
    first, second = session(), session()
    controller = AdaController(first, AdaptiveAugment(), batch_size=1)
    other = AdaController(second, AdaptiveAugment(), batch_size=1)
    controller.load_state_dict({"p": 0.25, "statistic": 0.5, "sum": 1.5, "count": 2})
    second.load_state_dict(first.state_dict())
    assert other.state_dict() == {"p": 0.25, "statistic": 0.5, "sum": 1.5, "count": 2}

import os
import signal
import threading
import time

import pytest
from ignite.engine import Engine, Events

from ssgnet_monai.handlers import preemption
from ssgnet_monai.handlers.preemption import EXIT_STATUS, Preemption


@pytest.fixture(autouse=True)
def handler_before():
    before = signal.getsignal(signal.SIGTERM)
    yield before
    assert signal.getsignal(signal.SIGTERM) is before


def engine_of(events, sigterm_at, step=lambda: None):
    """Two epochs of three steps; SIGTERM comes during step ``sigterm_at``."""

    def process(engine, _):
        events.append(engine.state.iteration)
        if engine.state.iteration == sigterm_at:
            os.kill(os.getpid(), signal.SIGTERM)
            step()

    engine = Engine(process)
    engine.add_event_handler(Events.EPOCH_COMPLETED, lambda: events.append("validation"))
    return engine


def run(engine):
    engine.run([0] * 3, max_epochs=2)


def test_sigterm_saves_at_the_end_of_the_step_and_asks_to_be_run_again(caplog):
    events = []
    engine = engine_of(events, 2)
    Preemption(lambda engine: events.append(f"saved {engine.state.iteration}")).attach(engine)
    with pytest.raises(SystemExit) as stop:
        run(engine)
    assert stop.value.code == EXIT_STATUS == 75
    assert events == [1, 2, "saved 2"]
    assert "saved at step 2; run the same command again" in caplog.text


def test_the_last_step_of_an_epoch_is_saved_with_its_validation():
    events = []
    engine = engine_of(events, 3)
    Preemption(lambda engine: events.append(f"saved {engine.state.iteration}")).attach(engine)
    with pytest.raises(SystemExit):
        run(engine)
    assert events == [1, 2, 3, "validation", "saved 3"]


def test_a_step_that_does_not_end_is_left(monkeypatch, caplog):
    monkeypatch.setattr(preemption, "GRACE", 0.01)
    saved = []
    engine = engine_of([], 2, step=lambda: time.sleep(60))
    Preemption(saved.append).attach(engine)
    with pytest.raises(SystemExit) as stop:
        run(engine)
    assert stop.value.code == EXIT_STATUS
    assert saved == []
    assert "go on from what is saved" in caplog.text


def test_with_nothing_to_save_the_run_exits_at_once():
    events = []
    engine = engine_of(events, 2, step=lambda: events.append("after"))
    Preemption().attach(engine)
    with pytest.raises(SystemExit) as stop:
        run(engine)
    assert stop.value.code == EXIT_STATUS
    assert "after" not in events


def test_without_sigterm_nothing_is_saved_and_the_old_handler_comes_back():
    saved = []
    engine = engine_of([], None)
    Preemption(saved.append).attach(engine)
    run(engine)
    assert saved == []


def test_outside_the_main_thread_nothing_is_installed(handler_before):
    seen = []
    engine = engine_of([], None)
    Preemption(seen.append).attach(engine)
    engine.add_event_handler(Events.EPOCH_COMPLETED, lambda: seen.append(signal.getsignal(signal.SIGTERM)))
    thread = threading.Thread(target=run, args=(engine,))
    thread.start()
    thread.join()
    assert seen == [handler_before] * 2

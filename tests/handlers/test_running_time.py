"""Seconds of a training over its stops."""

import json
import time

from ignite.engine import Engine

from ssgnet_monai.handlers import RunningTime, TrainingSession


def _train(folder, epochs=2):
    clock = RunningTime(TrainingSession({}, folder / "state", folder / "model.pt", seed=0))
    engine = Engine(lambda *_: time.sleep(0.02))
    clock.attach(engine)
    engine.run([0], max_epochs=epochs)
    return clock.seconds


def test_seconds_add_up_over_stops(tmp_path):
    first = _train(tmp_path)
    assert first >= 0.04
    (tmp_path / "state" / "checkpoint_2.pt").touch()
    both = _train(tmp_path)
    assert both >= first + 0.04
    assert json.loads((tmp_path / "state" / "seconds.json").read_text()) == {"seconds": both}


def test_a_training_that_begins_anew_begins_to_count(tmp_path):
    first = _train(tmp_path, epochs=10)
    assert _train(tmp_path, epochs=1) < first

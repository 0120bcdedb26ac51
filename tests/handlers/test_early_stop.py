import pytest
from ignite.engine import Engine

from ssgnet_monai.handlers import EarlyStop, TrainingSession


def epochs_run(best_epoch, patience, interval=1, done=0):
    session = TrainingSession({}, "state", "model.pt")
    session.best_metric, session.best_epoch = 0.5, best_epoch
    engine = Engine(lambda *_: None)
    EarlyStop(session, patience, interval).attach(engine)
    if done:
        engine.load_state_dict({"epoch_length": 1, "max_epochs": 20, "epoch": done})
    engine.run([0], max_epochs=20, epoch_length=1)
    return engine.state.epoch


def test_the_run_ends_when_the_best_score_is_old_enough():
    assert epochs_run(best_epoch=4, patience=3) == 7
    assert epochs_run(best_epoch=4, patience=3, interval=2) == 10
    assert epochs_run(best_epoch=4, patience=None) == 20


def test_a_run_that_has_ended_does_not_go_on():
    assert epochs_run(best_epoch=4, patience=3, done=7) == 7


def test_patience_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1 or null, got 0"):
        EarlyStop(TrainingSession({}, "state", "model.pt"), 0)

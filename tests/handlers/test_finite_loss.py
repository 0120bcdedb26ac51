import math

import pytest
import torch
from ignite.engine import Events

from ssgnet_monai.handlers import FiniteLoss, TrainingSession
from ssgnet_monai.handlers.finite_loss import first_not_finite
from tests.handlers.step_engine import step_engine


def session_of(tmp_path):
    return TrainingSession({"network": torch.nn.Linear(2, 1)}, tmp_path / "state", tmp_path / "model.pt")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_names_its_step_and_the_checkpoint(bad, tmp_path):
    session = session_of(tmp_path)
    (tmp_path / "state").mkdir()
    for step in (2, 4):
        (tmp_path / "state" / f"checkpoint_{step:09d}.pt").touch()
    engine = step_engine(
        lambda e, _: {"loss_g": torch.tensor([1.0, bad if e.state.iteration == 5 else 1.0]), "mean": bad}
    )
    FiniteLoss(session, ["loss_g", "r1"], "Lower g_lr.").attach(engine)
    with pytest.raises(FloatingPointError, match=r"in step 5. .*checkpoint_000000004.pt. Lower g_lr.$"):
        engine.run([0] * 3, max_epochs=3)


def test_finite_losses_pass_and_a_run_without_checkpoint_says_so(tmp_path):
    engine = step_engine(lambda e, _: {"loss": 1e38 if e.state.iteration < 4 else math.nan})
    FiniteLoss(session_of(tmp_path)).attach(engine)
    engine.run([0] * 3)
    assert engine.state.iteration == 3
    with pytest.raises(FloatingPointError, match="step 4. .*state holds no checkpoint yet"):
        engine.run([0] * 3, max_epochs=2)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_the_step_is_noted_and_told_at_the_end_of_the_epoch(tmp_path):
    steps = []
    engine = step_engine(
        lambda e, _: {"loss": torch.full((), math.nan if e.state.iteration == 2 else 1.0, device="cuda")}
    )
    FiniteLoss(session_of(tmp_path)).attach(engine)
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda: steps.append(engine.state.iteration))
    with pytest.raises(FloatingPointError, match="in step 2"):
        engine.run([0] * 3, max_epochs=2)
    assert steps == [1, 2, 3]


def test_the_first_tensor_that_is_not_finite_is_named():
    state = {"a": {"w": torch.ones(2), "n": torch.tensor([3])}, "b": [{"m": torch.tensor([1.0, math.inf])}], "lr": 0.1}
    assert first_not_finite(state) == "b.0.m"
    assert first_not_finite({"a": state["a"], "best": math.inf}) is None

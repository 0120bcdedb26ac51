import pytest
import torch

from ssgnet_monai.handlers import AtomicCheckpoint, TrainingSession
from ssgnet_monai.handlers.training_session import seed_step


def session_of(tmp_path, **extra):
    network = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    return TrainingSession(
        {"network": network, "optimizer": optimizer, **extra}, tmp_path / "state", tmp_path / "model.pt", seed=3
    )


def step(session):
    network, optimizer = session.objects["network"], session.objects["optimizer"]
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def test_restart_gives_back_the_first_state_of_everything(tmp_path):
    session = session_of(tmp_path)
    session.restart(tmp_path / "a", tmp_path / "a.pt", 1)
    first = session.objects["network"].weight.detach().clone()
    step(session)
    session.best_metric = 0.9
    assert not torch.equal(first, session.objects["network"].weight)
    session.restart(tmp_path / "b", tmp_path / "b.pt", 2)
    assert torch.equal(first, session.objects["network"].weight)
    assert session.objects["optimizer"].state_dict()["state"] == {}
    assert (session.best_metric, session.seed, session.state_dir.name) == (None, 2, "b")


def test_a_checkpoint_of_other_objects_is_refused(tmp_path):
    state = session_of(tmp_path).state_dict()
    with pytest.raises(ValueError, match="Expected a checkpoint of .*'scheduler'"):
        session_of(tmp_path, scheduler=torch.nn.Linear(1, 1)).load_state_dict(state)


def test_step_seed_depends_on_seed_and_step_alone():
    draws = []
    for seed, number in [(0, 1), (0, 2), (1, 1), (0, 1)]:
        seed_step(seed, number)
        draws.append(torch.rand(1).item())
    assert draws[0] == draws[3]
    assert len(set(draws)) == 3


def test_unknown_resume_is_named(tmp_path):
    with pytest.raises(ValueError, match="'auto' or 'never', got 'always'"):
        AtomicCheckpoint(session_of(tmp_path), resume="always")

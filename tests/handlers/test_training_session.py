import pytest
import torch

from ssgnet_monai.handlers import TrainingSession
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
    with pytest.raises(ValueError, match="'auto', 'fresh' or 'never', got 'always'"):
        TrainingSession({}, tmp_path / "state", tmp_path / "model.pt", resume="always")


def checkpointed(tmp_path, **options):
    session = TrainingSession({}, tmp_path / "state", tmp_path / "model.pt", **options)
    return session, session.state_dict()


def test_other_data_are_refused_or_begin_anew(tmp_path):
    session, state = checkpointed(tmp_path, data_sha256="a" * 64, other_data="refuse")
    assert session.is_of_these_data(state)
    for other in ({"data_sha256": "b" * 64}, {"data_sha256": None}):
        session, _ = checkpointed(tmp_path, data_sha256="a" * 64)
        assert not session.is_of_these_data({**state, **other})
    strict, _ = checkpointed(tmp_path, data_sha256="b" * 64, other_data="refuse")
    with pytest.raises(ValueError, match="another list .aaaaaaaaaaaa.: the data were prepared anew.* Choose another"):
        strict.is_of_these_data(state)
    for old in ({**state, "data_sha256": None}, {"objects": {}}):
        with pytest.raises(ValueError, match="earlier version, which did not note its data.* move .*state away"):
            strict.is_of_these_data(old)
    with pytest.raises(ValueError, match="'anew' or 'refuse', got 'ask'"):
        checkpointed(tmp_path, other_data="ask")


def test_settings_of_a_training_stay(tmp_path):
    _, state = checkpointed(tmp_path, trained_with={"class_name": "a"})
    session, _ = checkpointed(tmp_path, trained_with={"class_name": "b"})
    with pytest.raises(ValueError, match="class_name: 'a', with which .* got 'b'. Choose another output_dir"):
        session.is_of_these_data(state)

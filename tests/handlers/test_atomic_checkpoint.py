"""AtomicCheckpoint on a small trainer: what a checkpoint holds, how many stay, and what never becomes one."""

import math

import pytest
import torch
from ignite.engine import Events
from monai.engines import SupervisedTrainer
from torch.utils.data import DataLoader

from ssgnet_monai.handlers import AtomicCheckpoint, StepSeed, TrainingSession


def trainer_of(tmp_path, epochs, after=None, resume="auto", **settings):
    """Two steps an epoch of a linear network with dropout; ``after(trainer, session)`` runs after every step."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(2, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    objects = {"network": network, "optimizer": optimizer, "schedule": schedule}
    session = TrainingSession(objects, tmp_path / "state", tmp_path / "model.pt", resume=resume)
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        epoch_length=2,
        train_data_loader=DataLoader([{"image": torch.ones(2), "label": torch.ones(1)}] * 4, batch_size=2),
        network=network,
        optimizer=optimizer,
        loss_function=torch.nn.MSELoss(),
        decollate=False,
    )
    StepSeed(session).attach(trainer)
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda: schedule.step())
    if after:
        trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda: after(trainer, session))
    AtomicCheckpoint(session, **settings).attach(trainer)
    return trainer, session


def names(tmp_path):
    return [path.name for path in sorted((tmp_path / "state").glob("*.pt"))]


def aside(tmp_path):
    return [path.name for path in sorted((tmp_path / "state" / "earlier").glob("*.pt"))]


def test_the_last_two_stay_and_hold_tensors_and_plain_numbers(tmp_path):
    trainer, _ = trainer_of(tmp_path, 4)
    trainer.run()
    assert names(tmp_path) == ["checkpoint_000000006.pt", "checkpoint_000000008.pt"]
    content = torch.load(tmp_path / "state" / "checkpoint_000000008.pt", weights_only=True)

    def leaves(value):
        if isinstance(value, dict | list | tuple):
            for part in value.values() if isinstance(value, dict) else value:
                yield from leaves(part)
        else:
            yield value

    assert {type(leaf) for leaf in leaves(content)} <= {torch.Tensor, int, float, bool, type(None)}
    assert set(content["session"]["objects"]) == {"network", "optimizer", "schedule"}
    assert content["iteration"] == 8


def test_two_halves_equal_the_whole(tmp_path):
    whole = trainer_of(tmp_path / "whole", 4)
    whole[0].run()
    trainer_of(tmp_path / "parts", 2)[0].run()
    (tmp_path / "parts" / "state" / ".checkpoint_000000006.pt.k1.pt").write_bytes(b"half, then killed")
    second = trainer_of(tmp_path / "parts", 4)
    second[0].run()
    assert torch.equal(whole[1].objects["network"][1].weight, second[1].objects["network"][1].weight)
    assert names(tmp_path / "parts") == names(tmp_path / "whole")
    assert whole[1].objects["schedule"].state_dict() == second[1].objects["schedule"].state_dict()


def test_weights_that_are_no_numbers_never_become_a_checkpoint(tmp_path):
    def spoil(trainer, session):
        if trainer.state.iteration == 6:
            session.objects["network"][1].weight.data[0, 0] = math.nan

    trainer, _ = trainer_of(tmp_path, 4, spoil)
    with pytest.raises(
        FloatingPointError, match=r"save at step 6, got nan or infinity in network.1.weight. .*000004.pt"
    ):
        trainer.run()
    assert names(tmp_path) == ["checkpoint_000000002.pt", "checkpoint_000000004.pt"]


@pytest.mark.parametrize("damage", [b"", b"half a zip file"])
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(damage, tmp_path, caplog):
    trainer_of(tmp_path, 2)[0].run()
    (tmp_path / "state" / "checkpoint_000000004.pt").write_bytes(damage)
    started = []
    trainer, _ = trainer_of(tmp_path, 3, lambda trainer, _: started.append(trainer.state.iteration))
    trainer.run()
    assert started == [3, 4, 5, 6]
    assert "checkpoint_000000004.pt cannot be read" in caplog.text
    assert "trying the one before" in caplog.text
    assert names(tmp_path) == ["checkpoint_000000004.pt", "checkpoint_000000006.pt", "damaged_checkpoint_000000004.pt"]
    torch.load(tmp_path / "state" / "checkpoint_000000004.pt", weights_only=True)


def test_nothing_readable_is_an_error_and_no_fresh_start(tmp_path):
    trainer_of(tmp_path, 2)[0].run()
    for name in names(tmp_path):
        (tmp_path / "state" / name).write_bytes(b"")
    with pytest.raises(ValueError, match="got 2 that are not .* Move the folder away"):
        trainer_of(tmp_path, 3)[0].run()
    assert len(names(tmp_path)) == 2


def test_a_full_folder_is_refused_with_resume_never(tmp_path):
    trainer_of(tmp_path, 1)[0].run()
    with pytest.raises(FileExistsError, match="resume: never, found checkpoint_000000002.pt"):
        trainer_of(tmp_path, 2, resume="never")[0].run()


def test_fresh_sets_aside_what_is_there_each_time(tmp_path):
    first, _ = trainer_of(tmp_path, 3)
    first.run()
    (tmp_path / "state" / "best.pt").write_bytes(b"of the first")
    started = []
    again, session = trainer_of(tmp_path, 2, lambda trainer, _: started.append(trainer.state.iteration), "fresh")
    assert not session.goes_on
    again.run()
    assert started == [1, 2, 3, 4]
    assert names(tmp_path) == ["checkpoint_000000002.pt", "checkpoint_000000004.pt"]
    assert aside(tmp_path) == ["best.pt", "checkpoint_000000004.pt", "checkpoint_000000006.pt"]
    trainer_of(tmp_path, 1, resume="fresh")[0].run()
    assert names(tmp_path) == ["checkpoint_000000002.pt"]
    assert aside(tmp_path) == ["checkpoint_000000002.pt", "checkpoint_000000004.pt"]
    on, session = trainer_of(tmp_path, 2)
    assert session.goes_on
    on.run()
    assert on.state.iteration == 4


def test_a_fresh_start_that_was_killed_between_two_files_begins_anew_all_the_same(tmp_path):
    trainer_of(tmp_path, 3)[0].run()
    (tmp_path / "state" / ".earlier").mkdir()
    (tmp_path / "state" / "checkpoint_000000004.pt").rename(tmp_path / "state" / ".earlier" / "checkpoint_000000004.pt")
    trainer, session = trainer_of(tmp_path, 1)
    assert not session.goes_on
    trainer.run()
    assert trainer.state.iteration == 2
    assert names(tmp_path) == ["checkpoint_000000002.pt"]
    assert aside(tmp_path) == ["checkpoint_000000004.pt", "checkpoint_000000006.pt"]


def test_the_next_round_of_a_federated_client_begins_with_the_weights_it_is_given(tmp_path):
    """It runs one trainer again and again, and sets the network between."""
    trainer, session = trainer_of(tmp_path, 1, resume="fresh")
    trainer.run()
    weight = session.objects["network"][1].weight
    torch.nn.init.constant_(weight, 100.0)
    trainer.state.max_epochs = 2
    trainer.run()
    assert trainer.state.iteration == 4
    assert (weight > 90).all()


def test_checkpoints_of_another_training_list_are_set_aside(tmp_path, caplog):
    def train(epochs, data):
        trainer, session = trainer_of(tmp_path, epochs)
        session.data_sha256 = data
        trainer.run()
        return session

    train(4, "a")
    train(4, "a")
    assert "starts anew" not in caplog.text
    anew = train(2, "b")
    assert f"changed since {tmp_path / 'state' / 'checkpoint_000000008.pt'}: training starts anew" in caplog.text
    assert names(tmp_path) == ["checkpoint_000000002.pt", "checkpoint_000000004.pt"]
    assert aside(tmp_path) == ["checkpoint_000000006.pt", "checkpoint_000000008.pt"]
    fresh, session = trainer_of(tmp_path / "fresh", 2)
    fresh.run()
    assert torch.equal(anew.objects["network"][1].weight, session.objects["network"][1].weight)

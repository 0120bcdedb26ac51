"""The learning rate's rise and its halvings."""

import pytest
import torch

from ssgnet_monai.engines.learning_rate import halving_schedule


def test_a_rise_and_three_halvings():
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=0.8)
    schedule, rates = halving_schedule(optimizer, 40), []
    for _ in range(40):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.4] + [0.8] * 9 + [0.4] * 10 + [0.2] * 10 + [0.1] * 10)


def test_its_state_is_plain_and_goes_on():
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=0.8)
    schedule = halving_schedule(optimizer, 40)
    state = {**schedule.state_dict(), "last_epoch": 25}
    assert not any(callable(value) for value in state.values())
    schedule.load_state_dict(state)
    optimizer.step()
    schedule.step()
    assert schedule.get_last_lr() == pytest.approx([0.2])


def test_no_steps():
    with pytest.raises(ValueError, match="at least one step of training, got 0"):
        halving_schedule(torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))]), 0)

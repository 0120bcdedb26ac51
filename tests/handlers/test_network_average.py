"""NetworkAverage: half-life by hand, ramp-up, buffers, no gradient."""

from __future__ import annotations

import copy

import pytest
import torch
from ignite.engine import Engine
from torch import nn

from ssgnet_monai.handlers.network_average import NetworkAverage
from ssgnet_monai.ops.exponential_average import ema_decay, update_average


def network(value: float) -> nn.Module:
    module = nn.Linear(2, 1)
    nn.init.constant_(module.weight, value)
    module.register_buffer("steps", torch.tensor(0))
    return module


def test_half_life_by_hand():
    trained, average = network(0.0), network(8.0)
    handler = NetworkAverage(average, trained, batch_size=100, half_life_kimg=0.1, ramp=None)
    engine = Engine(lambda *_: trained.steps.add_(1))
    handler.attach(engine)
    engine.run([None], max_epochs=3, epoch_length=1)
    torch.testing.assert_close(average.weight, torch.ones(1, 2))  # three half-lives: 8 -> 1
    assert int(average.steps) == 3
    assert trained.weight.requires_grad
    assert not average.weight.requires_grad
    assert not average.training


def test_ramp_and_default_half_life():
    assert ema_decay(1000, 32, 10_000, ramp=0.05) == pytest.approx(0.5 ** (32 / 50))
    assert ema_decay(1e6, 32, 10_000, ramp=0.05) == pytest.approx(0.5 ** (32 / 10_000))
    assert ema_decay(1000, 32, 10_000) == pytest.approx(0.5 ** (32 / 10_000))
    assert ema_decay(1000, 32, 0) == 0
    assert NetworkAverage(network(0), network(0), batch_size=32).half_life == 10_000


def test_average_of_another_architecture_is_refused():
    other = copy.deepcopy(network(0.0))
    other.register_buffer("extra", torch.zeros(3))
    with pytest.raises(ValueError, match="3 and 4 tensors, first differing shapes: none"):
        update_average(network(0.0), other, 0.5)

"""Two learning rates: every parameter in one group, once."""

import pytest
import torch
from torch import nn

from ssgnet_monai.engines import encoder_param_groups


def test_the_encoder_has_its_own_rate_and_nothing_is_left_out():
    network = nn.ModuleDict({"encoder": nn.Linear(2, 2), "decoder": nn.Linear(2, 1), "head": nn.Linear(1, 1)})
    network.encoder = network["encoder"]
    groups = encoder_param_groups(network, lr=0.1, encoder_lr=0.01)
    assert [group["lr"] for group in groups] == [0.01, 0.1]
    assert [id(p) for p in groups[0]["params"]] == [id(p) for p in network["encoder"].parameters()]
    everything = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(everything) == sorted(id(parameter) for parameter in network.parameters())
    optimiser = torch.optim.SGD(groups)
    network["encoder"].weight.grad = network["decoder"].weight.grad = None
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimiser.step()
    torch.testing.assert_close(before["encoder.weight"] - network["encoder"].weight, torch.full((2, 2), 0.01))
    torch.testing.assert_close(before["decoder.weight"] - network["decoder"].weight, torch.full((1, 2), 0.1))


def test_a_network_without_encoder_is_named():
    with pytest.raises(ValueError, match=r"module `encoder` for two learning rates, got a Linear"):
        encoder_param_groups(nn.Linear(1, 1), 0.1, 0.01)

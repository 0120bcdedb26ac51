"""What is no set of weights of the network is refused by name, and the network stays as it was."""

import pytest
import torch

from ssgnet_monai.data.tensor_file import save_tensors
from ssgnet_monai.engines import load_pretrained, load_weights


def network():
    return torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1))


GOOD = network().state_dict()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.zeros(2)], "Expected a state dict .* got a list"),
        (torch.zeros(2), "got a Tensor"),
        ({"session": {}, "iteration": 3}, "got a dict under 'session'"),
        ({**GOOD, "0.bias": 1.0}, "got a float under '0.bias'"),
        ({**GOOD, "0.bias": torch.tensor([float("nan")])}, "nan or infinity in 0.bias"),
        ({**GOOD, "1.running_var": torch.tensor([float("inf")])}, "nan or infinity in 1.running_var"),
        (
            {**GOOD, "0.bias": torch.zeros(1, dtype=torch.int8)},
            "Expected 0.bias of .* as torch.float32, got torch.int8",
        ),
        ({**GOOD, "0.bias": torch.zeros(1, dtype=torch.complex64)}, "got torch.complex64"),
        ({**GOOD, "1.num_batches_tracked": torch.tensor(1.0)}, "as torch.int64, got torch.float32"),
        ({**GOOD, "0.bias": torch.zeros(2)}, r"0.bias: \(1,\)"),
        ({**GOOD, 3: torch.zeros(2)}, "Expected weights of Sequential"),
        ({}, "Expected weights of Sequential"),
    ],
)
def test_what_is_no_weights_of_the_network_is_named(tmp_path, content, message):
    save_tensors(tmp_path / "model.pt", content)
    net = network()
    before = [value.clone() for value in net.state_dict().values()]
    with pytest.raises(ValueError, match=message):
        load_weights(net, tmp_path / "model.pt")
    assert all(torch.equal(a, b) for a, b in zip(before, net.state_dict().values(), strict=True))


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04half"])
def test_a_file_that_is_none_of_torch(tmp_path, content):
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(ValueError, match="model.pt"):
        load_weights(network(), tmp_path / "model.pt")


def test_weights_saved_in_half_precision_are_taken(tmp_path):
    save_tensors(tmp_path / "model.pt", {k: v.half() if v.is_floating_point() else v for k, v in GOOD.items()})
    net = network()
    load_weights(net, tmp_path / "model.pt")
    assert net.state_dict()["0.bias"].dtype == torch.float32


def test_a_training_begins_with_weights_of_its_own_network(tmp_path, caplog):
    net = network()
    with caplog.at_level("INFO"):
        load_pretrained(net, None)
    assert "Sequential trains from scratch" in caplog.text
    save_tensors(tmp_path / "model.pt", GOOD)
    load_pretrained(net, tmp_path / "model.pt")
    assert torch.equal(net.state_dict()["0.weight"], GOOD["0.weight"])
    with pytest.raises(FileNotFoundError, match="null or a file of weights, found no file at none.pt"):
        load_pretrained(net, "none.pt")

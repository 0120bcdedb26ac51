"""Training from Python: the examples of the docstrings, and what they do not show."""

import doctest
import json

import pytest
import torch
from monai.networks.nets import UNet

from ssgnet_monai.data import load_datalist, write_phantom
from ssgnet_monai.engines import python_training, train_rounds, train_segmenter

SMALL = {"image_size": 32, "steps": 4, "epoch_length": 2, "batch_size": 4, "device": "cpu"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return load_datalist(write_phantom(tmp_path_factory.mktemp("data"), num_images=(28, 12), size=32))


def network(classes=1):
    torch.manual_seed(0)
    return UNet(spatial_dims=2, in_channels=3, out_channels=classes, channels=(4, 8), strides=(2,))


def test_the_examples():
    found = doctest.testmod(python_training)
    assert found.attempted > 10
    assert found.failed == 0


def test_a_call_goes_on_and_gives_the_network_its_best_weights(data, tmp_path):
    lists = data["training"], data["validation"]
    whole, parts = network(), network()
    record = train_segmenter(whole, *lists, tmp_path / "whole", **SMALL)
    assert record["masks"] == {"training": len(lists[0]), "validation": len(lists[1])}
    with pytest.raises(KeyboardInterrupt):
        train_segmenter(parts, *lists, tmp_path / "parts", **SMALL, **{"validate#handlers": [Stop()]})
    train_segmenter(network(), *lists, tmp_path / "parts", **SMALL)
    one, other = (torch.load(tmp_path / name / "model.pt", weights_only=True) for name in ("whole", "parts"))
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert all(torch.equal(one[key], value) for key, value in whole.state_dict().items())


class Stop:
    """Stops at the second validation."""

    def attach(self, engine):
        from ignite.engine import Events

        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine):
        if engine.state.epoch == 2:
            raise KeyboardInterrupt


def test_other_items_and_unknown_settings_are_refused(data, tmp_path):
    train_segmenter(network(), data["training"], data["validation"], tmp_path, **SMALL)
    with pytest.raises(RuntimeError) as error:
        train_segmenter(network(), data["training"][1:], data["validation"], tmp_path, **SMALL)
    assert "Choose another output_dir" in str(error.value.__cause__ or error.value)
    with pytest.raises(ValueError, match=r"settings of train.yaml in .* got stepps. Did you mean .steps.\?"):
        train_segmenter(network(), data["training"], data["validation"], tmp_path, stepps=3)


def test_rounds_of_four_classes_never_read_a_label_of_the_pool(data, tmp_path):
    pool = [{**item, "label": "missing.png"} for item in data["training"][8:]]
    names = ["background", "a", "b", "c"]
    lists = data["training"][:8], pool, data["validation"]
    chosen = train_rounds(network(4), *lists, tmp_path, names, num_rounds=1, **SMALL)
    log = json.loads((tmp_path / "rounds.json").read_text())
    assert log["choice"] == chosen
    assert len(log["arms"]["pseudo_label"][1]["classes"]) == 3
    assert (log["num_labeled"], log["num_validation"]) == (8, len(data["validation"]))
    assert train_rounds(network(4), *lists, tmp_path, names, num_rounds=1, **SMALL) == chosen

"""Batch normalisation over ranks against one layer that sees all images (real ranks: tests/bundles)."""

import pytest
import timm
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from ssgnet_monai.networks import rank_batch_norm, synchronise_batch_norm
from ssgnet_monai.networks.rank_batch_norm import RankBatchNorm


def test_one_process_changes_nothing():
    torch.manual_seed(0)
    network = timm.create_model("efficientnet_b0", num_classes=2)  # normalisations with activations
    images = torch.rand(2, 3, 32, 32)
    keys = list(network.state_dict())
    expected = network.eval()(images)
    synchronised = synchronise_batch_norm(network)
    assert list(synchronised.state_dict()) == keys
    kinds = {type(layer) for layer in synchronised.modules() if isinstance(layer, _BatchNorm)}
    assert kinds == {RankBatchNorm}
    assert torch.equal(synchronised(images), expected)


@pytest.mark.parametrize("layer", [torch.nn.BatchNorm2d, torch.nn.BatchNorm3d])
def test_two_ranks_with_equal_images_are_one_batch_of_twice_as_many(layer, monkeypatch):
    torch.manual_seed(0)
    images = torch.randn(3, 2, 4, 4, *([5] if layer is torch.nn.BatchNorm3d else [])) * 2 + 1
    single = layer(2)
    torch.nn.init.normal_(single.weight)
    ours = RankBatchNorm(layer(2))
    ours.load_state_dict(single.state_dict())
    monkeypatch.setattr(rank_batch_norm, "num_ranks", lambda: 2)
    monkeypatch.setattr(rank_batch_norm, "sum_over_ranks", lambda value: 2 * value)
    torch.testing.assert_close(ours(images), single(torch.cat([images, images]))[:3])
    for key, value in single.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[key], value, msg=key)

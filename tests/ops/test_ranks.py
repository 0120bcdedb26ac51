"""What each process takes of a global batch; the exchange itself is tested with two processes in tests/bundles."""

from __future__ import annotations

import pytest
import torch
from torch import distributed

from ssgnet_monai.data import SampleStream, StreamSampler
from ssgnet_monai.networks.stylegan3.discriminator import MinibatchStd
from ssgnet_monai.networks.vss_block import DropPath
from ssgnet_monai.ops.ranks import average_gradients, mean_over_ranks, num_ranks, rank, shard, shard_size
from ssgnet_monai.transforms import AdaptiveAugment, BatchBlurNoise, BatchFlipRotate, BatchIntensity


@pytest.fixture
def as_rank(monkeypatch):
    def pretend(this: int, ranks: int) -> None:
        monkeypatch.setattr(distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(distributed, "get_rank", lambda: this)
        monkeypatch.setattr(distributed, "get_world_size", lambda: ranks)

    return pretend


def test_one_process_alone_is_untouched():
    assert (rank(), num_ranks(), shard_size(5)) == (0, 1, 5)
    value, parameter = torch.ones(2), torch.nn.Parameter(torch.ones(2))
    assert shard(value).data_ptr() == value.data_ptr()
    assert mean_over_ranks(value) is value
    average_gradients([parameter])
    assert parameter.grad is None


def test_every_row_belongs_to_one_rank(as_rank):
    parts = []
    for this in range(3):
        as_rank(this, 3)
        parts.append(shard(list(range(7))))
        assert torch.equal(shard(torch.arange(7)), torch.tensor(parts[-1]))
    assert parts == [[0, 3, 6], [1, 4], [2, 5]]


def test_the_stream_is_shared_out_batch_by_batch(as_rank):
    batches = []
    for this in range(2):
        as_rank(this, 2)
        loader = torch.utils.data.DataLoader(range(100), batch_size=shard_size(4), sampler=StreamSampler(8))
        numbers = iter(loader)
        batches.append([next(numbers).tolist() for _ in range(2)])
    assert batches == [[[8, 10], [12, 14]], [[9, 11], [13, 15]]]
    assert len(SampleStream([{"a": 1}])) > 2**32


@pytest.mark.parametrize(
    "draw",
    [
        lambda n: BatchFlipRotate().sample_parameters(n),
        lambda n: BatchFlipRotate(scale=(0.7, 1.4)).sample_parameters(n),
        lambda n: AdaptiveAugment(p=0.5).sample_parameters(n)["xfrac"],
        lambda n: AdaptiveAugment(p=0.5).sample_parameters(n)["hue"],
        lambda n: DropPath(0.5)(torch.ones(n, 3)),
    ],
)
def test_draws_are_those_of_the_global_batch(draw, as_rank):
    torch.manual_seed(0)
    whole = draw(8)
    for this in range(2):
        as_rank(this, 2)
        torch.manual_seed(0)
        assert torch.equal(draw(4), whole[this::2])


@pytest.mark.parametrize("change", [BatchIntensity(), BatchBlurNoise(blur_prob=0.5, noise_prob=0.5)])
def test_a_rank_changes_its_images_as_one_process_does(change, as_rank):
    images = torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    whole = change(images)
    for this in range(2):
        as_rank(this, 2)
        torch.manual_seed(0)
        torch.testing.assert_close(change(images[this::2]), whole[this::2])


def test_groups_of_the_minibatch_deviation_lie_whole_on_a_rank():
    layer, x = MinibatchStd(4), torch.randn(16, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    for this in range(2):
        torch.testing.assert_close(layer(x[this::2]), layer(x)[this::2])
    # fewer images on a rank than a group holds: the one difference from a single process
    assert not torch.allclose(layer(x[:4][0::2]), layer(x[:4])[0::2])


def test_gradients_become_means_and_those_absent_stay_so(as_rank, monkeypatch):
    """The partner's gradients are 3 and (10, 20); the sum over both ranks is what the exchange leaves behind."""
    sent = []

    def add_partner(total: torch.Tensor) -> None:
        sent.append(total.tolist())
        total += torch.tensor([3.0, 10.0, 20.0])

    monkeypatch.setattr(distributed, "all_reduce", add_partner)
    as_rank(0, 2)
    frozen, one, two = (torch.nn.Parameter(torch.zeros(n)) for n in (4, 1, 2))
    one.grad, two.grad = torch.tensor([1.0]), torch.tensor([0.0, 4.0])
    average_gradients([frozen, one, two])
    assert sent == [[1.0, 0.0, 4.0]]  # one exchange for all
    assert one.grad.tolist() == [2.0]
    assert two.grad.tolist() == [5.0, 12.0]
    assert frozen.grad is None


def test_shares_that_do_not_come_out_even_are_refused(as_rank):
    as_rank(0, 4)
    with pytest.raises(ValueError, match="a multiple of 4 processes, got 6"):
        shard_size(6)
    with pytest.raises(ValueError, match="each of 4 processes, got 3"):
        shard([1, 2, 3])

"""Flips and quarter turns of volumes."""

import itertools

import pytest
import torch

from ssgnet_monai.transforms import BatchFlipTurn
from ssgnet_monai.transforms.batch_flip_turn import scale_volumes


def volumes(n=1, shape=(3, 3, 3)):
    return torch.arange(n * 27.0).view(n, 1, *shape)


def test_turns_are_those_of_torch():
    turn = BatchFlipTurn((), [[0, 2]])
    batch = volumes(4)
    found = turn.apply(batch, torch.zeros(4, 3, dtype=torch.bool), torch.tensor([[0], [1], [2], [3]]))
    for k in range(4):
        options = [torch.rot90(batch[k], k, (1, 3)), torch.rot90(batch[k], -k, (1, 3))]
        assert any(torch.equal(found[k], option) for option in options)
    assert torch.equal(found[1] - 27, (found[3] - 81).flip(1, 3))


def test_each_sample_has_its_own_flips():
    flips = torch.tensor(list(itertools.product([False, True], repeat=3)))
    batch = volumes().expand(8, -1, -1, -1, -1)
    found = BatchFlipTurn().apply(batch, flips, torch.zeros(8, 0, dtype=torch.long))
    for k, flip in enumerate(flips):
        axes = [axis + 1 for axis in range(3) if flip[axis]]
        assert torch.equal(found[k], batch[k].flip(axes))


def test_image_and_label_move_together_and_values_stay():
    image = torch.rand(16, 1, 4, 4, 2)
    label = (image > 0.5).to(torch.uint8)
    moved, label = BatchFlipTurn((0, 1, 2), [[0, 1]])({"image": image, "label": label}, "cpu")
    assert torch.equal((moved > 0.5).to(torch.uint8), label)
    assert not torch.equal(moved, image)
    torch.testing.assert_close(moved.flatten(1).sort(1).values, image.flatten(1).sort(1).values)


def test_without_axes_and_planes_nothing_moves():
    image = torch.rand(8, 1, 4, 3, 2)
    moved, _ = BatchFlipTurn((), ())({"image": image, "label": image}, "cpu")
    assert torch.equal(moved, image)


def test_axes_that_are_not_named_stay():
    flips, _ = BatchFlipTurn((1,)).sample_parameters(100)
    assert flips[:, 1].any()
    assert not flips[:, [0, 2]].any()


def test_an_enlargement_by_hand():
    """Twice as large about the far half of the last axis; the other volume stays bit for bit."""
    volumes = torch.arange(128.0).view(2, 1, 4, 4, 4)
    reach, shift = torch.tensor([[0.5], [1.0]]), torch.tensor([[0.5, 0, 0], [0, 0, 0]])
    found = scale_volumes(volumes, reach, shift, "nearest")
    middle, end = torch.tensor([1, 1, 2, 2]), torch.tensor([2, 2, 3, 3])
    assert torch.equal(found[0, 0], volumes[0, 0][middle][:, middle][:, :, end])
    assert torch.equal(found[1], volumes[1])


def test_scaled_labels_stay_whole_and_with_their_image():
    torch.manual_seed(0)
    label = (torch.rand(8, 1, 3, 4, 3) > 0.5).to(torch.uint8)
    for axis in (2, 3, 4):
        label = label.repeat_interleave(6, axis)
    turn = BatchFlipTurn(scale=(0.7, 1.4), scale_prob=1)
    image, moved = turn({"image": label.float(), "label": label}, "cpu")
    assert moved.dtype == torch.uint8
    assert moved.max() == 1
    assert ((image > 0.5) == moved).float().mean() > 0.97
    assert not torch.equal(moved, label)


def test_scaling_is_drawn_after_the_rest():
    torch.manual_seed(3)
    image = torch.rand(8, 1, 4, 4, 4)
    torch.manual_seed(4)
    plain = BatchFlipTurn((0, 1))({"image": image, "label": image}, "cpu")[0]
    torch.manual_seed(4)
    scaled = BatchFlipTurn((0, 1), scale=(0.7, 1.4), scale_prob=0.5)({"image": image, "label": image}, "cpu")[0]
    same = [torch.equal(one, other) for one, other in zip(plain, scaled, strict=True)]
    assert 0 < sum(same) < 8


def test_turns_need_equal_sides_and_known_axes():
    with pytest.raises(ValueError, match=r"equal sides of the patch in the plane \[0, 2\]"):
        BatchFlipTurn((), [[0, 2]]).apply(
            torch.zeros(1, 1, 4, 4, 2), torch.zeros(1, 3, dtype=torch.bool), torch.ones(1, 1)
        )
    with pytest.raises(ValueError, match="flip_axes out of 0, 1 and 2"):
        BatchFlipTurn((3,))
    with pytest.raises(ValueError, match="turn_planes as pairs"):
        BatchFlipTurn((), [[1, 1]])
    with pytest.raises(ValueError, match=r"scale as \[low, high\] with 0 < low <= high, got \(0, 1\)"):
        BatchFlipTurn(scale=(0, 1))

"""COM: labels of a shifted crop in the coordinates of the fixed one."""

import itertools

import pytest
import torch

from ssgnet_monai.transforms.combine_labels import combine_labels


def brute_force(fixed, shifted, offset):
    found = fixed.clone()
    for place in itertools.product(*map(range, fixed.shape)):
        moved = [at - step for at, step in zip(place, offset, strict=True)]
        if all(0 <= at < side for at, side in zip(moved, fixed.shape, strict=True)):
            found[place] = shifted[tuple(moved)]
    return found


def test_it_is_what_a_loop_over_the_voxels_finds():
    """1,000 random shapes of one to three axes, with offsets up to beyond the crop."""
    g = torch.Generator().manual_seed(0)
    for _ in range(1000):
        axes = int(torch.randint(1, 4, (), generator=g))
        sides = torch.randint(1, 5, (axes,), generator=g).tolist()
        fixed, shifted = torch.randint(4, (2, 2, *sides), generator=g)
        offset = torch.stack([torch.randint(-side, side + 1, (2,), generator=g) for side in sides], dim=1)
        found = combine_labels(fixed, shifted, offset)
        for row in range(2):
            assert torch.equal(found[row], brute_force(fixed[row], shifted[row], offset[row].tolist()))


def test_by_hand():
    fixed, shifted = torch.tensor([[1, 2, 3, 4]]), torch.tensor([[5, 6, 7, 8]])
    assert combine_labels(fixed, shifted, torch.tensor([[1]])).tolist() == [[1, 5, 6, 7]]
    assert combine_labels(fixed, shifted, torch.tensor([[-3]])).tolist() == [[8, 2, 3, 4]]


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"an offset for each of their axes, got \(1, 4\), \(1, 4\) and \(1, 2\)"):
        combine_labels(torch.zeros(1, 4), torch.zeros(1, 4), torch.zeros(1, 2))

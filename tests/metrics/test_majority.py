"""The mask of most training masks: by hand, ties, ignored pixels, sizes that differ."""

import torch

from ssgnet_monai.metrics import majority_mask


def test_by_hand():
    masks = [torch.tensor([[[[0, 1, 2, 255]]], [[[0, 1, 1, 2]]]]), torch.tensor([[[[2.0, 0, 2, 255]]]])]
    assert majority_mask(masks, 3).tolist() == [[[0, 1, 2, 2]]]
    assert majority_mask([torch.tensor([[[[1, 2]]], [[[0, 1]]]])], 3).tolist() == [[[0, 1]]]  # the lowest of several
    assert majority_mask([torch.full((1, 1, 2, 2, 2), 255)], 3).tolist() == [[[[0, 0], [0, 0]]] * 2]


def test_masks_of_different_sizes_have_none():
    assert majority_mask([torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 5)], 2) is None
    assert majority_mask([], 2) is None

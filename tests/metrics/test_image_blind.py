"""The answer without a look at the image: by hand, rare foreground, several classes, ignored pixels, sizes."""

import torch

from ssgnet_monai.metrics import class_ratios, confusion_counts, image_blind_mask
from ssgnet_monai.metrics.image_blind import THRESHOLDS


def test_by_hand():
    """Frequencies 3/4, 1/2 and 1/4: Dice of the first place 6/10, of two 10/14, of all three 12/18."""
    masks = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])[:, None, None]
    assert image_blind_mask([masks[:3], masks[3:]], 2).tolist() == [[[1, 1, 0, 0]]]


def test_foreground_that_is_nowhere_in_most_masks_is_found_all_the_same():
    masks = torch.zeros(10, 1, 1, 10)
    masks[range(10), 0, 0, [0, 0, 0, 1, 1, 1, 2, 2, 2, 9]] = 1  # no place is foreground in half of the masks
    assert image_blind_mask([masks], 2).tolist() == [[[1, 1, 1] + [0] * 7]]


def test_several_classes_and_unknown_pixels():
    masks = [torch.tensor([[[[0, 1, 2, 255]]], [[[0, 1, 1, 2]]]]), torch.tensor([[[[2.0, 0, 2, 255]]]])]
    assert image_blind_mask(masks, 3).tolist() == [[[0, 1, 2, 2]]]
    assert image_blind_mask([torch.full((1, 1, 2, 2, 2), 255)], 3).tolist() == [[[[0, 0], [0, 0]]] * 2]


def test_no_threshold_does_better_on_the_training_masks():
    generator = torch.Generator().manual_seed(0)
    chance = torch.linspace(0, 0.5, 24)
    masks = (torch.rand(200, 1, 24, generator=generator) < chance)[:, None].long()

    def dice(answer):
        counts = confusion_counts(answer.expand(200, 1, 1, 24), masks, 2).sum(0)
        return class_ratios(counts)["dice"][1].item()

    found = dice(image_blind_mask([masks], 2)[None].long())
    mean = masks.float().mean(0, keepdim=True)
    assert found == max(dice((mean >= threshold).long()) for threshold in [*THRESHOLDS, 0.6, 0.8])


def test_masks_of_different_sizes_have_none():
    assert image_blind_mask([torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 5)], 2) is None
    assert image_blind_mask([], 2) is None

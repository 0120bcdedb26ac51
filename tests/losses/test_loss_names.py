"""Losses by their short names."""

import pytest
import torch
import torch.nn.functional as F

from ssgnet_monai.losses import class_loss


def test_the_parts_and_their_mean():
    logits, target = torch.randn(2, 2, 4, 4), torch.randint(2, (2, 1, 4, 4))
    entropy, dice, both = (class_loss(name)(logits, target) for name in ("ce", "dice", "ce_dice"))
    torch.testing.assert_close(entropy, F.cross_entropy(logits, target[:, 0]))
    torch.testing.assert_close(both, (entropy + dice) / 2)
    # one pixel, certain and wrong: each class has overlap 0, size 1: 1 - (0 + 1) / (1 + 1)
    wrong = class_loss("dice")(torch.tensor([[[[99.0]], [[-99.0]]]]), torch.ones(1, 1, 1, 1))
    assert wrong.item() == pytest.approx(0.5)


def test_another_name():
    with pytest.raises(ValueError, match="Expected a loss out of ce, dice, ce_dice, got 'bce'"):
        class_loss("bce")

"""All segmentation losses alike: ignored pixels, two and three dimensions, kinds of targets, values of no class."""

import math

import pytest
import torch

from ssgnet_monai.data.soft_labels import class_planes
from ssgnet_monai.losses import AdaptiveTvMFDiceLoss, BCEDiceLoss, CEDiceLoss, TvMFDiceLoss, segmentation_loss


def adaptive():
    loss = AdaptiveTvMFDiceLoss(3)
    loss.kappa.copy_(torch.tensor([1.0, 5, 20]))
    return loss


LOSSES = {
    "bce_dice": (BCEDiceLoss, 1),
    "ce_dice": (CEDiceLoss, 3),
    "tvmf": (lambda: TvMFDiceLoss(2.0), 3),
    "adaptive_tvmf": (adaptive, 3),
}
SIZES = {"2d": (6, 8), "3d": (4, 6, 8)}
every_loss = pytest.mark.parametrize(("make", "outputs"), LOSSES.values(), ids=LOSSES)
every_size = pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)


def batch(outputs, size):
    g = torch.Generator().manual_seed(0)
    logits = torch.randn(2, outputs, *size, generator=g, dtype=torch.float64).requires_grad_()
    return logits, torch.randint(max(outputs, 2), (2, 1, *size), generator=g)


@every_loss
@every_size
def test_ignored_pixels_count_in_no_term(make, outputs, size):
    logits, target = batch(outputs, size)
    target[..., 5:] = 255
    loss = make()(logits, target)
    torch.testing.assert_close(loss, make()(logits[..., :5], target[..., :5]))
    gradient = torch.autograd.grad(loss, logits)[0]
    assert (gradient[..., 5:] == 0).all()
    assert (gradient[..., :5] != 0).all()


@every_loss
@every_size
def test_a_batch_of_ignored_pixels_costs_nothing(make, outputs, size):
    logits, target = batch(outputs, size)
    loss = make()(logits, torch.full_like(target, 255))
    assert loss.item() == 0
    assert (torch.autograd.grad(loss, logits)[0] == 0).all()


@every_loss
def test_targets_of_every_dtype(make, outputs):
    logits, target = batch(outputs, (6, 8))
    target[0, 0, 0] = 255
    expected = make()(logits, target)
    for dtype in (torch.uint8, torch.int32, torch.float32, torch.float64):
        assert make()(logits, target.to(dtype)) == expected


@every_loss
@pytest.mark.parametrize("value", [-1, 3, 254])
def test_a_value_that_is_no_class_is_refused(make, outputs, value):
    logits, target = batch(outputs, (6, 8))
    target[0, 0, 0, 0] = value
    with pytest.raises(
        ValueError, match=rf"from 0 to {max(outputs, 2) - 1}, or 255 where nothing is known, got {value}"
    ):
        make()(logits, target)


def planes_of(target, outputs):
    """The mask as a soft label that is sure of everything."""
    classes = max(outputs, 2)
    return class_planes(target.movedim(1, 0).flatten(1), classes).view(classes - 1, *target[:, 0].shape).movedim(0, 1)


@every_loss
@every_size
def test_soft_labels_that_are_sure_cost_what_the_mask_costs(make, outputs, size):
    logits, target = batch(outputs, size)
    target[..., 5:] = 255
    torch.testing.assert_close(make()(logits, planes_of(target, outputs).double()), make()(logits, target))


def test_soft_labels_of_three_classes_by_hand():
    """One pixel of probabilities (.5, .25, .25), labelled (.5, .3, .2), and one that is not known."""
    logits = torch.tensor([[[0.5, 0.9], [0.25, 0.05], [0.25, 0.05]]], dtype=torch.float64).log()
    target = torch.tensor([[[0.3, 255], [0.2, 255]]], dtype=torch.float64)
    entropy = 0.5 * math.log(2) + 0.5 * math.log(4)
    dice = [2 * p * q / (p * p + q * q) for p, q in ((0.5, 0.5), (0.25, 0.3), (0.25, 0.2))]
    found = CEDiceLoss(smooth=0)(logits, target).item()
    assert found == pytest.approx(0.4 * entropy + 0.6 * (1 - sum(dice) / 3))
    # Of one pixel every class's map points where its label points.
    assert TvMFDiceLoss(2.0)(logits, target).item() == pytest.approx(0, abs=1e-12)


def test_soft_labels_of_two_classes_by_hand():
    """A pixel of probability .5, labelled .25; two outputs and one are the same cross-entropy."""
    target = torch.tensor([[[0.25]]], dtype=torch.float64)
    one = BCEDiceLoss(smooth=0)(torch.zeros(1, 1, 1, dtype=torch.float64), target).item()
    assert one == pytest.approx(math.log(2) + 1 - 2 * 0.5 * 0.25 / 0.75)
    two = CEDiceLoss(ce_weight=1, dice_weight=0)(torch.zeros(1, 2, 1, dtype=torch.float64), target).item()
    assert two == pytest.approx(math.log(2))
    towards = torch.zeros(1, 2, 1, dtype=torch.float64, requires_grad=True)
    CEDiceLoss(ce_weight=1, dice_weight=0)(towards, target).backward()
    assert towards.grad.flatten().tolist() == pytest.approx([-0.25, 0.25])


def test_the_loss_fits_the_outputs():
    assert isinstance(segmentation_loss(1), BCEDiceLoss)
    assert isinstance(segmentation_loss(2), CEDiceLoss)
    assert isinstance(segmentation_loss(4), CEDiceLoss)
    with pytest.raises(ValueError, match="num_logits 0"):
        segmentation_loss(0)

"""All segmentation losses alike: ignored pixels, two and three dimensions, kinds of targets, values of no class."""

import pytest
import torch

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


def test_the_loss_fits_the_outputs():
    assert isinstance(segmentation_loss(1), BCEDiceLoss)
    assert isinstance(segmentation_loss(2), CEDiceLoss)
    assert isinstance(segmentation_loss(4), CEDiceLoss)
    with pytest.raises(ValueError, match="num_logits 0"):
        segmentation_loss(0)

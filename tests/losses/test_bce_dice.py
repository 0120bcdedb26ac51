"""BCE-Dice and CE-Dice: by hand, parity, saturation, errors. (Ignored pixels: test_segmentation_loss.py.)"""

import math

import pytest
import torch

from ssgnet_monai.losses import BCEDiceLoss, CEDiceLoss


def _logits(probability):
    """Inverse sigmoid with the logarithms held at -100, as the reference's cross-entropy of probabilities does."""
    return probability.log().clamp(min=-100) - torch.log1p(-probability).clamp(min=-100)


def test_by_hand():
    """p = (1/2, 3/4), y = (1, 0): BCE = (log 2 + log 4)/2; Dice = (2*.5 + 1)/(1.25 + 1 + 1) = 8/13."""
    logits = torch.tensor([[[[0.0, math.log(3)]]]])
    target = torch.tensor([[[[1.0, 0.0]]]])
    assert BCEDiceLoss()(logits, target).item() == pytest.approx(1.5 * math.log(2) + 5 / 13)
    assert BCEDiceLoss(0, 2, smooth=0)(logits, target).item() == pytest.approx(2 * (1 - 1 / 2.25))


def test_bce_dice_parity(parity):
    for case in parity("vmunet_losses.pt")["bcedice"]:
        for key, expected in case.items():
            if not key.startswith("BceDice_"):
                continue
            bce_weight, dice_weight = (float(part[2:]) for part in key.split("_")[1:])
            probability = case["prob"]
            logits = _logits(probability).requires_grad_()
            loss = BCEDiceLoss(bce_weight, dice_weight)(logits, case["target"])
            torch.testing.assert_close(loss, expected["value"], atol=1e-5, rtol=1e-4)
            grad = torch.autograd.grad(loss, logits)[0]
            if case["kind"] != "sat":  # the derivative by a probability of exactly 0 or 1 says nothing of logits
                chained = expected["grad"] * probability * (1 - probability)
                torch.testing.assert_close(grad, chained, atol=1e-6, rtol=1e-4)


def test_ce_dice_parity(parity):
    for case in parity("vmunet_losses.pt")["cedice"]:
        logits = case["logits"].clone().requires_grad_()
        loss = CEDiceLoss()(logits, case["target"])
        torch.testing.assert_close(loss, case["value"], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(torch.autograd.grad(loss, logits)[0], case["grad"], atol=1e-6, rtol=1e-4)
        assert CEDiceLoss()(logits, case["target"].unsqueeze(1)) == loss


def test_saturated_logits_stay_finite():
    logits = torch.tensor([[[[1e4, -1e4]]]], requires_grad=True)
    loss = BCEDiceLoss()(logits, torch.tensor([[[[0.0, 1.0]]]]))
    assert loss.item() == pytest.approx(1e4 + 2 / 3, rel=1e-6)
    assert torch.isfinite(torch.autograd.grad(loss, logits)[0]).all()


def test_half_precision_is_summed_in_float32():
    logits = torch.full((1, 1, 300, 300), 3.0, dtype=torch.float16)
    loss = BCEDiceLoss()(logits, torch.ones(1, 1, 300, 300))
    assert loss.item() == pytest.approx(BCEDiceLoss()(logits.float(), torch.ones(1, 1, 300, 300)).item())


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"one shape \(B, ...\), got \(1, 1, 4, 4\) and \(1, 4, 4\)"):
        BCEDiceLoss()(torch.zeros(1, 1, 4, 4), torch.zeros(1, 4, 4))
    with pytest.raises(ValueError, match="ignore_index that is no class"):
        BCEDiceLoss(ignore_index=0)
    with pytest.raises(ValueError, match=r"got \(1, 3, 4, 4\) and \(1, 4, 4, 4\)"):
        CEDiceLoss()(torch.zeros(1, 3, 4, 4), torch.zeros(1, 4, 4, 4))

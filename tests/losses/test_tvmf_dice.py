"""t-vMF Dice: by hand, parity, absent classes, errors."""

import pytest
import torch

from ssgnet_monai.losses import AdaptiveTvMFDiceLoss, TvMFDiceLoss


def test_by_hand():
    # Two pixels, all of class 0: its map (.8, .6) has cosine 1.4 / sqrt(2); class 1 is absent, cosine 0.
    probability = torch.tensor([[[0.8, 0.6], [0.2, 0.4]]], dtype=torch.float64)
    cosine, kappa = 1.4 / 2**0.5, 3.0
    found = (2 - (1 + cosine) / (1 + kappa * (1 - cosine))) ** 2
    absent = (2 - 1 / (1 + kappa)) ** 2
    loss = TvMFDiceLoss(kappa, softmax=False)(probability, torch.zeros(1, 2, dtype=torch.long))
    assert loss.item() == pytest.approx((found + absent) / 2, abs=1e-12)


def test_parity(parity):
    for batch in parity("tvmf_losses.pt"):
        for case in batch["cases"]:
            given = batch["logits"] if case["softmax"] else batch["logits"].softmax(1)
            given = given.clone().requires_grad_()
            if torch.is_tensor(case["kappa"]):
                loss = AdaptiveTvMFDiceLoss(len(case["kappa"]))
                loss.load_state_dict({"kappa": case["kappa"]})
            else:
                loss = TvMFDiceLoss(case["kappa"], case["softmax"])
            value = loss(given, batch["target"])
            value.backward()
            torch.testing.assert_close(value, case["value"], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(given.grad, case["grad"], atol=1e-5, rtol=1e-4)


def test_perfect_volumes_cost_nothing_and_kappa_only_the_rest():
    target = torch.arange(24).reshape(1, 2, 3, 4) % 3
    perfect = 60 * torch.nn.functional.one_hot(target, 3).movedim(-1, 1).float()
    for kappa in (0.0, 32.0):
        assert TvMFDiceLoss(kappa)(perfect, target[:, None]).item() == pytest.approx(0, abs=1e-6)
    blurred = perfect / 60
    assert TvMFDiceLoss(32.0)(blurred, target) > TvMFDiceLoss(1.0)(blurred, target)


def test_half_precision_is_computed_in_float32():
    logits = torch.zeros(1, 2, 4, 4, dtype=torch.float16)
    assert TvMFDiceLoss()(logits, torch.zeros(1, 4, 4)).dtype == torch.float32


def test_kappa_is_saved_where_it_adapts():
    assert AdaptiveTvMFDiceLoss(4).state_dict()["kappa"].tolist() == [0, 0, 0, 0]
    assert not TvMFDiceLoss(1.0).state_dict()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: TvMFDiceLoss(-1), "kappa of at least 0, got -1"),
        (lambda: AdaptiveTvMFDiceLoss(1), "num_classes of at least 2"),
        (lambda: TvMFDiceLoss()(torch.zeros(1, 1, 4, 4), torch.zeros(1, 4, 4)), r"K >= 2 .*\(1, 1, 4, 4\)"),
        (lambda: TvMFDiceLoss()(torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 5)), r"\(1, 4, 5\)"),
    ],
)
def test_errors(build, message):
    with pytest.raises(ValueError, match=message):
        build()

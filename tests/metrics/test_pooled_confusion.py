"""Pooled, two-class and per-image scores: by hand, parity, MONAI's evaluator, errors."""

import pytest
import torch
from monai.engines import SupervisedEvaluator
from monai.handlers import IgniteMetricHandler, from_engine
from monai.metrics import DiceMetric

from ssgnet_monai.metrics import (
    PooledConfusionMetric,
    confusion_counts,
    count_empty_images,
    per_image_scores,
    pooled_metrics,
    sum_by_case,
    summarise_counts,
    two_class_metrics,
)


def test_by_hand():
    prediction = torch.tensor([[[[1, 1, 0, 0]]], [[[0, 0, 0, 0]]]])
    target = torch.tensor([[[[1, 0, 1, 0]]], [[[0, 0, 0, 0]]]])
    counts = confusion_counts(prediction, target)
    assert counts.tolist() == [[1, 1, 1, 1], [0, 4, 0, 0]]
    assert pooled_metrics(counts) == pytest.approx(
        {"dice": 1 / 2, "miou": 1 / 3, "accuracy": 6 / 8, "sensitivity": 1 / 2, "specificity": 5 / 6}
    )
    assert two_class_metrics(counts) == pytest.approx({"dice": (1 / 2 + 10 / 12) / 2, "miou": (1 / 3 + 5 / 7) / 2})
    assert per_image_scores(counts)["dice"].tolist() == pytest.approx([0.5, 1])
    assert per_image_scores(counts)["miou"].tolist() == pytest.approx([1 / 3, 1])
    assert count_empty_images(counts) == 1
    summary = summarise_counts(counts)
    assert summary["per_image"] == pytest.approx(
        {"dice_mean": 0.75, "dice_sd": 0.5 / 2**0.5, "miou_mean": 2 / 3, "miou_sd": 2 / 3 / 2**0.5}
    )
    assert summarise_counts(counts[:1])["per_image"]["dice_sd"] == 0


def test_parity(parity):
    for case in parity("vmunet_metrics.pt"):
        assert case["threshold"] == 0.5
        counts = confusion_counts(case["preds"], case["targets"])
        expected = case["metrics"]
        got = pooled_metrics(counts)
        assert got.pop("dice") == pytest.approx(expected["f1_or_dsc"], abs=1e-12)
        assert got == pytest.approx({key: expected[key] for key in got}, abs=1e-12)
        (tn, fp), (fn, tp) = case["confusion"]
        assert counts.sum(0).tolist() == [tp, tn, fp, fn]


def test_nothing_over_nothing_is_zero():
    assert pooled_metrics(torch.tensor([0.0, 5, 0, 0])) == {
        "dice": 0,
        "miou": 0,
        "accuracy": 1,
        "sensitivity": 0,
        "specificity": 1,
    }
    assert two_class_metrics(torch.tensor([0.0, 5, 0, 0])) == {"dice": 0.5, "miou": 0.5}


def test_per_image_dice_equals_monai():
    g = torch.Generator().manual_seed(0)
    prediction, target = ((torch.rand(5, 1, 9, 11, generator=g) > 0.4).float() for _ in range(2))
    expected = DiceMetric()(prediction, target).flatten().double()
    torch.testing.assert_close(per_image_scores(confusion_counts(prediction, target))["dice"], expected)


@pytest.mark.parametrize("decollate", [True, False])
def test_key_metric_of_a_monai_evaluator(decollate):
    g = torch.Generator().manual_seed(1)
    images = torch.rand(5, 1, 8, 8, generator=g)
    labels = (torch.rand(5, 1, 8, 8, generator=g) > 0.5).float()
    loader = [{"image": images[i : i + 2], "label": labels[i : i + 2]} for i in (0, 2, 4)]
    handler = IgniteMetricHandler(PooledConfusionMetric(), output_transform=from_engine(["pred", "label"]))
    evaluator = SupervisedEvaluator(
        torch.device("cpu"),
        loader,
        torch.nn.Identity(),
        epoch_length=3,
        key_val_metric={"val_dice": handler},
        decollate=decollate,
    )
    for _ in range(2):  # the second run must not see the first
        evaluator.run()
        counts = confusion_counts(images, labels)
        assert evaluator.state.metrics["val_dice"] == pytest.approx(pooled_metrics(counts)["dice"])
        torch.testing.assert_close(evaluator.state.metric_details["val_dice"], counts)


def test_value_can_be_another_score():
    metric = PooledConfusionMetric("specificity")
    metric(torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 0.0]]]]))
    assert metric.aggregate().item() == 0.5


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"one shape \(B, 1, H, W\), got \(2, 2, 4, 4\)"):
        confusion_counts(torch.zeros(2, 2, 4, 4), torch.zeros(2, 2, 4, 4))
    with pytest.raises(ValueError, match=r"Expected counts \(n >= 1, 4\)"):
        summarise_counts(torch.zeros(0, 4))
    with pytest.raises(ValueError, match="Expected metric to be one of"):
        PooledConfusionMetric("f1")
    with pytest.raises(ValueError, match="Expected target masks"):
        PooledConfusionMetric()(torch.zeros(1, 1, 2, 2))


def test_images_without_foreground_choose_nothing_and_one_with_it_does():
    metric = PooledConfusionMetric()
    empty, full = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    for prediction in (empty, full):
        metric.reset()
        metric(prediction, empty)
        assert metric.aggregate().isnan()
    metric(full, full)
    assert metric.aggregate().item() == pytest.approx(2 / 3)


def test_slices_of_a_volume_are_one_case():
    counts = torch.tensor([[4.0, 0, 0, 0], [0, 4, 0, 0], [0, 0, 2, 2], [0, 4, 0, 0]])
    cases = sum_by_case(counts, ["a", "a", "a", "b"])
    assert cases.tolist() == [[4, 4, 2, 2], [0, 4, 0, 0]]
    assert per_image_scores(cases)["dice"].tolist() == pytest.approx([8 / 12, 1])  # b: both are empty

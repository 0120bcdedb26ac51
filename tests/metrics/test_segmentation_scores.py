"""Counts and scores of K classes: by hand, parity, absent classes, volumes of slices, MONAI's evaluator, errors."""

import math

import pytest
import torch
from monai.engines import SupervisedEvaluator
from monai.handlers import IgniteMetricHandler, from_engine
from monai.metrics import DiceMetric

from ssgnet_monai.metrics import (
    PooledConfusionMetric,
    case_scores,
    class_ratios,
    confusion_counts,
    count_empty_cases,
    macro_scores,
    pooled_scores,
    sum_by_case,
    summarise_counts,
)

TWO, THREE = ["background", "lesion"], ["background", "organ", "tumour"]


def row(*classes):
    """One picture of one line."""
    return torch.tensor([[[classes]]])


def binary(tp, tn, fp, fn):
    return [[tn, tp, fn, fp], [tp, tn, fp, fn]]


def test_two_classes_by_hand():
    counts = confusion_counts(
        torch.cat([row(1, 1, 0, 0), row(0, 0, 0, 0)]), torch.cat([row(1, 0, 1, 0), row(0, 0, 0, 0)])
    )
    assert counts.tolist() == [binary(1, 1, 1, 1), binary(0, 4, 0, 0)]
    assert pooled_scores(counts) == pytest.approx(
        {"dice": 1 / 2, "iou": 1 / 3, "accuracy": 6 / 8, "sensitivity": 1 / 2, "specificity": 5 / 6}
    )
    assert macro_scores(counts) == pytest.approx({"dice": (1 / 2 + 10 / 12) / 2, "iou": (1 / 3 + 5 / 7) / 2})
    assert case_scores(counts)["dice"].tolist() == pytest.approx([0.5, 1])
    assert case_scores(counts)["iou"].tolist() == pytest.approx([1 / 3, 1])
    assert count_empty_cases(counts) == 1
    summary = summarise_counts(counts, TWO)
    assert set(summary) == {"pooled", "macro", "per_case"}
    assert summary["per_case"] == pytest.approx(
        {"dice_mean": 0.75, "dice_sd": 0.5 / 2**0.5, "iou_mean": 2 / 3, "iou_sd": 2 / 3 / 2**0.5, "n_absent": 0}
    )
    assert summarise_counts(counts[:1], TWO)["per_case"]["dice_sd"] == 0


def test_three_classes_with_ignored_pixels_by_hand():
    truth = torch.cat([row(0, 0, 1, 1, 1, 2, 2, 255, 255), row(0, 0, 0, 0, 1, 1, 0, 0, 255)])
    found = torch.cat([row(0, 1, 1, 1, 2, 2, 0, 1, 2), row(0, 0, 0, 0, 1, 0, 0, 0, 2)])
    counts = confusion_counts(found, truth, 3)
    # TP, TN, FP, FN of the seven known pixels, then of the eight
    assert counts.tolist() == [
        [[1, 4, 1, 1], [2, 3, 1, 1], [1, 4, 1, 1]],
        [[6, 1, 1, 0], [1, 6, 0, 1], [0, 8, 0, 0]],
    ]
    pooled = pooled_scores(counts)
    assert pooled["dice"] == pytest.approx((6 / 9 + 2 / 4) / 2)  # class 1: TP 3, FP 1, FN 2; class 2: TP 1, FP 1, FN 1
    assert pooled["iou"] == pytest.approx((3 / 6 + 1 / 3) / 2)
    assert pooled["sensitivity"] == pytest.approx((3 / 5 + 1 / 2) / 2)
    assert pooled["specificity"] == pytest.approx((9 / 10 + 12 / 13) / 2)
    assert pooled["accuracy"] == pytest.approx(11 / 15)
    assert macro_scores(counts)["dice"] == pytest.approx((14 / 17 + 6 / 9 + 2 / 4) / 3)
    # The second case has no tumour in truth or prediction: its mean is the organ's alone.
    assert case_scores(counts)["dice"].tolist() == pytest.approx([(4 / 6 + 2 / 4) / 2, 2 / 3])
    summary = summarise_counts(counts, THREE)
    assert list(summary["classes"]) == ["organ", "tumour"]
    tumour = summary["classes"]["tumour"]
    assert tumour["per_case"] == {"dice_mean": 0.5, "dice_sd": 0, "iou_mean": 1 / 3, "iou_sd": 0, "n_absent": 1}
    assert tumour["pooled"] == pytest.approx(
        {"dice": 1 / 2, "iou": 1 / 3, "sensitivity": 1 / 2, "specificity": 12 / 13}
    )
    assert summary["classes"]["organ"]["per_case"]["dice_mean"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64, torch.float32])
def test_masks_of_every_dtype_are_counted_and_stay_as_they_are(dtype):
    found, truth = row(0, 1, 2, 2, 0).to(dtype), row(0, 2, 2, 255, 255).to(dtype)
    assert confusion_counts(found, truth, 3)[0].tolist() == [[1, 2, 0, 0], [0, 2, 1, 0], [1, 1, 0, 1]]
    assert truth.tolist() == row(0, 2, 2, 255, 255).tolist()
    assert found.tolist() == row(0, 1, 2, 2, 0).tolist()


def test_a_class_that_is_found_where_there_is_none_scores_zero():
    counts = confusion_counts(row(2, 1, 0, 0), row(0, 1, 0, 0), 3)
    assert case_scores(counts)["dice"].tolist() == [0.5]
    assert pooled_scores(counts)["dice"] == 0.5


def test_cases_without_any_of_several_classes_are_left_out_and_counted():
    counts = confusion_counts(torch.cat([row(0, 0), row(1, 0)]), torch.cat([row(0, 0), row(1, 1)]), 3)
    assert case_scores(counts)["dice"].isnan().tolist() == [True, False]
    summary = summarise_counts(counts, THREE)
    assert summary["per_case"] == pytest.approx(
        {"dice_mean": 2 / 3, "dice_sd": 0, "iou_mean": 1 / 2, "iou_sd": 0, "n_absent": 1}
    )
    assert summary["classes"]["tumour"]["pooled"]["dice"] is None
    assert summary["classes"]["tumour"]["per_case"] == {
        "dice_mean": None, "dice_sd": None, "iou_mean": None, "iou_sd": None, "n_absent": 2,
    }  # fmt: skip
    assert count_empty_cases(counts) == 1


def test_parity(parity):
    for case in parity("vmunet_metrics.pt"):
        assert case["threshold"] == 0.5
        counts = confusion_counts((case["preds"] >= 0.5).float(), (case["targets"] >= 0.5).float())
        expected = case["metrics"]
        got = pooled_scores(counts)
        assert got.pop("dice") == pytest.approx(expected["f1_or_dsc"], abs=1e-12)
        assert got.pop("iou") == pytest.approx(expected["miou"], abs=1e-12)
        assert got == pytest.approx({key: expected[key] for key in got}, abs=1e-12)
        (tn, fp), (fn, tp) = case["confusion"]
        assert counts.sum(0)[1].tolist() == [tp, tn, fp, fn]


@pytest.mark.parametrize("size", [(7, 9), (3, 5, 4)])
@pytest.mark.parametrize("num_classes", [2, 3, 5])
def test_counts_equal_scikit_learns(num_classes, size):
    metrics = pytest.importorskip("sklearn.metrics")
    g = torch.Generator().manual_seed(num_classes)
    found, truth = (torch.randint(num_classes, (4, 1, *size), generator=g) for _ in range(2))
    truth[torch.rand(truth.shape, generator=g) < 0.2] = 255
    counts = confusion_counts(found.to(torch.uint8), truth.float(), num_classes)
    for image in range(4):
        kept = truth[image] != 255
        tables = metrics.multilabel_confusion_matrix(truth[image][kept], found[image][kept], labels=range(num_classes))
        expected = [[tp, tn, fp, fn] for (tn, fp), (fn, tp) in tables.tolist()]
        assert counts[image].tolist() == expected


def test_nothing_over_nothing_is_zero_in_pooled_scores_of_two_classes():
    counts = torch.tensor(binary(0.0, 5, 0, 0))
    assert pooled_scores(counts) == {"dice": 0, "iou": 0, "accuracy": 1, "sensitivity": 0, "specificity": 1}
    assert macro_scores(counts) == {"dice": 0.5, "iou": 0.5}


def test_dice_of_cases_equals_monai():
    g = torch.Generator().manual_seed(0)
    prediction, target = ((torch.rand(5, 1, 9, 11, generator=g) > 0.4).float() for _ in range(2))
    expected = DiceMetric()(prediction, target).flatten().double()
    torch.testing.assert_close(case_scores(confusion_counts(prediction, target))["dice"], expected)
    found, truth = (torch.randint(4, (5, 1, 3, 9, 11), generator=g) for _ in range(2))
    expected = DiceMetric(include_background=False, num_classes=4)(found, truth).double()
    torch.testing.assert_close(class_ratios(confusion_counts(found, truth, 4))["dice"][:, 1:], expected)


@pytest.mark.parametrize("num_classes", [2, 4])
@pytest.mark.parametrize("decollate", [True, False])
def test_key_metric_of_a_monai_evaluator(decollate, num_classes):
    g = torch.Generator().manual_seed(1)
    images, labels = (torch.randint(num_classes, (5, 1, 8, 8), generator=g).float() for _ in range(2))
    labels[0, 0, 0] = 255
    loader = [{"image": images[i : i + 2], "label": labels[i : i + 2]} for i in (0, 2, 4)]
    handler = IgniteMetricHandler(PooledConfusionMetric(num_classes), output_transform=from_engine(["pred", "label"]))
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
        counts = confusion_counts(images, labels, num_classes)
        assert evaluator.state.metrics["val_dice"] == pytest.approx(pooled_scores(counts)["dice"])
        torch.testing.assert_close(evaluator.state.metric_details["val_dice"], counts)


def test_value_can_be_another_score():
    metric = PooledConfusionMetric(metric="specificity")
    metric(row(1.0, 0.0), row(0.0, 0.0))
    assert metric.aggregate().item() == 0.5


@pytest.mark.parametrize(
    ("found", "truth", "message"),
    [
        (row(0.3, 1.0), row(0, 1), "prediction of class numbers from 0 to 1, got fractions"),
        (row(0, 2), row(0, 1), r"prediction of class numbers from 0 to 1, got \[2\]"),
        (row(0, 255), row(0, 1), r"prediction of class numbers from 0 to 1, got \[255\]"),
        (row(0, 1), row(-1, 3), r"target of class numbers from 0 to 1 or 255 \(not known\), got \[-1, 3\]"),
        (torch.zeros(2, 2, 4, 4), torch.zeros(2, 2, 4, 4), r"one shape \(B, 1, ...\), got \(2, 2, 4, 4\)"),
    ],
)
def test_what_are_no_class_numbers(found, truth, message):
    with pytest.raises(ValueError, match=message):
        confusion_counts(found, truth)


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"Expected counts \(n >= 1, 2, 4\)"):
        summarise_counts(torch.zeros(0, 2, 4), TWO)
    with pytest.raises(ValueError, match="Expected metric to be one of"):
        PooledConfusionMetric(metric="f1")
    with pytest.raises(ValueError, match="num_classes of at least 2"):
        PooledConfusionMetric(1)
    with pytest.raises(ValueError, match="Expected target masks"):
        PooledConfusionMetric()(torch.zeros(1, 1, 2, 2))


@pytest.mark.parametrize("num_classes", [2, 3])
def test_images_without_foreground_choose_nothing_and_one_with_it_does(num_classes):
    metric = PooledConfusionMetric(num_classes)
    empty, full = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    for prediction in (empty, full):
        metric.reset()
        metric(prediction, empty)
        assert metric.aggregate().isnan()
    metric(full, full)
    assert metric.aggregate().item() == pytest.approx(2 / 3)


def test_slices_of_a_volume_are_one_case():
    slices = [binary(4.0, 0, 0, 0), binary(0, 4, 0, 0), binary(0, 0, 2, 2), binary(0, 4, 0, 0)]
    cases = sum_by_case(torch.tensor(slices), ["a", "a", "a", "b"])
    assert cases[:, 1].tolist() == [[4, 4, 2, 2], [0, 4, 0, 0]]
    assert case_scores(cases)["dice"].tolist() == pytest.approx([8 / 12, 1])  # b: both are empty


def test_dice_of_a_volume_is_that_of_its_slices_put_together():
    g = torch.Generator().manual_seed(0)
    found, truth = (torch.randint(3, (6, 1, 8, 8), generator=g) for _ in range(2))
    stacked = (x.movedim(0, -1).movedim(0, 0)[None] for x in (found[:, 0], truth[:, 0]))
    whole = confusion_counts(*(x.unsqueeze(1) for x in stacked), 3)
    assert torch.equal(sum_by_case(confusion_counts(found, truth, 3), ["v"] * 6), whole)
    assert not math.isnan(case_scores(whole)["dice"].item())

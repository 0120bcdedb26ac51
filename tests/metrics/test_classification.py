"""A classifier's scores: by hand, against counting all pairs, intervals, errors."""

import math

import pytest
import torch

from ssgnet_monai.metrics import (
    bootstrap_intervals,
    class_scores,
    confusion_matrix,
    paired_class_bootstrap,
    per_class_scores,
    predicted_classes,
)


def random_case(n=60, classes=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (n,), generator=g)
    logits = torch.randn(n, classes, generator=g) + torch.nn.functional.one_hot(labels, classes)
    return logits.softmax(1).mul(20).round().div(20), labels  # rounded: there are ties


def test_two_classes_by_hand():
    second = torch.tensor([0.1, 0.5, 0.8, 0.6, 0.9])
    probabilities = torch.stack([1 - second, second], 1)
    labels = torch.tensor([0, 0, 0, 1, 1])
    assert predicted_classes(probabilities).tolist() == [0, 0, 1, 1, 1]  # 0.5 is not above 0.5
    confusion = confusion_matrix(predicted_classes(probabilities), labels, 2)
    assert confusion.tolist() == [[2, 1], [0, 2]]
    per_class = per_class_scores(confusion)
    assert per_class["precision"].tolist() == pytest.approx([1, 2 / 3])
    assert per_class["recall"].tolist() == pytest.approx([2 / 3, 1])
    assert per_class["f1"].tolist() == pytest.approx([4 / 5, 4 / 5])
    scores = class_scores(probabilities, labels)
    assert {name: value.item() for name, value in scores.items()} == pytest.approx(
        {"accuracy": 4 / 5, "macro_f1": 4 / 5, "roc_auc": 5 / 6}
    )


def test_a_tie_counts_half_and_a_class_never_met_is_zero():
    probabilities, labels = torch.tensor([[0.3, 0.7], [0.3, 0.7]]), torch.tensor([0, 1])
    scores = class_scores(probabilities, labels)
    assert scores["roc_auc"].item() == 0.5
    assert scores["macro_f1"].item() == pytest.approx((0 + 2 / 3) / 2)


@pytest.mark.parametrize("classes", [2, 3])
def test_area_equals_counting_pairs(classes):
    probabilities, labels = random_case(classes=classes)
    areas = []
    for column in [1] if classes == 2 else range(classes):
        high, low = probabilities[labels == column, column], probabilities[labels != column, column]
        ordered = (high[:, None] > low).double() + (high[:, None] == low).double() / 2
        areas.append(ordered.mean().item())
    assert class_scores(probabilities, labels)["roc_auc"].item() == pytest.approx(sum(areas) / len(areas))


def test_a_resample_scores_as_its_images_written_out():
    probabilities, labels = random_case()
    times = torch.randint(3, (4, len(labels)), generator=torch.Generator().manual_seed(1)).double()
    found = class_scores(probabilities, labels, times)
    for row in range(4):
        chosen = torch.arange(len(labels)).repeat_interleave(times[row].long())
        expected = class_scores(probabilities[chosen], labels[chosen])
        assert {k: v[row].item() for k, v in found.items()} == pytest.approx({k: v.item() for k, v in expected.items()})


def test_interval_of_accuracy_matches_the_binomial():
    labels = torch.ones(200, dtype=torch.long)
    right = torch.arange(200) < 160
    second = torch.where(right, 0.9, 0.1)
    found = bootstrap_intervals(torch.stack([1 - second, second], 1), labels, seed=0)
    low, high = found["accuracy"]
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(0.8 * 0.2 / 200), rel=0.1)
    assert low < 0.8 < high
    assert found["roc_auc"] == [None, None]  # one class alone has none


def test_paired_difference_is_narrower_than_the_parts_and_zero_with_itself():
    probabilities, labels = random_case(200)
    assert paired_class_bootstrap(probabilities, probabilities, labels, seed=0)["roc_auc"] == {
        "difference": 0,
        "low": 0,
        "high": 0,
    }
    worse = probabilities.clone()
    worse[:10] = worse[:10].roll(1, 1)
    found = paired_class_bootstrap(probabilities, worse, labels, seed=0)["accuracy"]
    difference = class_scores(probabilities, labels)["accuracy"] - class_scores(worse, labels)["accuracy"]
    assert found["difference"] == pytest.approx(difference.item())
    low, high = bootstrap_intervals(probabilities, labels, seed=0)["accuracy"]
    assert found["low"] <= found["difference"] <= found["high"]
    assert found["high"] - found["low"] < high - low


def test_bad_shapes_and_labels():
    with pytest.raises(ValueError, match=r"Expected probabilities \(n >= 1, K >= 2\)"):
        class_scores(torch.rand(4, 1), torch.zeros(4, dtype=torch.long))
    with pytest.raises(ValueError, match="Expected labels from 0 to 1, got 0 to 2"):
        class_scores(torch.rand(3, 2), torch.tensor([0, 1, 2]))

"""The validation score of a classifier, in MONAI's evaluator and alone."""

import pytest
import torch
from monai.engines import SupervisedEvaluator
from monai.handlers import IgniteMetricHandler, from_engine

from ssgnet_monai.metrics import ClassProbabilityMetric


def test_log_likelihood_is_the_negative_cross_entropy_in_an_evaluator():
    g = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(5, 3, generator=g), torch.tensor([0, 1, 2, 2, 0])
    loader = [{"image": logits[i : i + 2].softmax(1), "label": labels[i : i + 2]} for i in (0, 2, 4)]
    handler = IgniteMetricHandler(ClassProbabilityMetric(), output_transform=from_engine(["pred", "label"]))
    evaluator = SupervisedEvaluator(
        torch.device("cpu"),
        loader,
        torch.nn.Identity(),
        epoch_length=3,
        key_val_metric={"value": handler},
        decollate=False,
    )
    for _ in range(2):  # the second run must not see the first
        evaluator.run()
        expected = -torch.nn.functional.cross_entropy(logits, labels).item()
        assert evaluator.state.metrics["value"] == pytest.approx(expected, rel=1e-5)
        assert evaluator.state.metric_details["value"].shape == (5, 4)


def test_other_scores_and_a_certain_error_stay_numbers():
    for name, expected in (("accuracy", 0.5), ("macro_f1", 1 / 3), ("roc_auc", 0.5)):
        metric = ClassProbabilityMetric(name)
        metric(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 1]))
        assert metric.aggregate().item() == pytest.approx(expected)
    certain = ClassProbabilityMetric()
    certain(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    assert -100 < certain.aggregate().item() < -50


def test_bad_arguments():
    with pytest.raises(ValueError, match="Expected metric to be log_likelihood or one of"):
        ClassProbabilityMetric("auc")
    with pytest.raises(ValueError, match=r"Expected probabilities \(B, K\) and labels \(B,\)"):
        ClassProbabilityMetric()(torch.rand(2, 2), torch.zeros(2, 1))
    with pytest.raises(ValueError, match="Expected at least one batch"):
        ClassProbabilityMetric().aggregate()

import pytest
import torch

from ssgnet_monai.metrics import expected_calibration_error


def test_by_hand():
    confidence = torch.tensor([0.55, 0.59, 0.95, 1.0])
    correct = torch.tensor([True, False, True, True])
    found = expected_calibration_error(confidence.double(), correct)
    assert [row["n"] for row in found["bins"]] == [2, 2]
    assert [row["low"] for row in found["bins"]] == [0.5, 0.9]
    assert [row["accuracy"] for row in found["bins"]] == [0.5, 1]
    assert [row["confidence"] for row in found["bins"]] == pytest.approx([0.57, 0.975])
    assert found["ece"] == pytest.approx(0.5 * 0.07 + 0.5 * 0.025)


def test_honest_confidence_has_a_small_error_and_boasting_a_large_one():
    g = torch.Generator().manual_seed(0)
    confidence = torch.rand(20000, generator=g) / 2 + 0.5
    honest = torch.rand(20000, generator=g) < confidence
    assert expected_calibration_error(confidence, honest)["ece"] < 0.02
    assert expected_calibration_error(torch.ones(20000), honest)["ece"] == pytest.approx(0.25, abs=0.02)

"""Fréchet and kernel distance: closed forms, clean-fid's own code, unbiasedness, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ssgnet_monai.metrics.frechet import frechet_distance, kernel_distance


def correlated(n: int, dimension: int, seed: int, shift: float = 0.0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(dimension, dimension)) / np.sqrt(dimension)
    return generator.normal(size=(n, dimension)) @ mixing + shift


def test_frechet_by_hand():
    a = np.array([[1.0], [3.0]])  # mean 2, variance 2
    b = np.array([[0.0], [4.0], [8.0]])  # mean 4, variance 16
    expected = (2 - 4) ** 2 + (2**0.5 - 4) ** 2
    assert frechet_distance(a, torch.tensor(b)) == pytest.approx(expected)
    assert frechet_distance(b, b) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("shapes", [(400, 300, 24), (40, 400, 64), (30, 25, 64)])
def test_frechet_equals_clean_fid(shapes):
    fid = pytest.importorskip("cleanfid.fid")
    n, m, dimension = shapes
    a, b = correlated(n, dimension, 0), correlated(m, dimension, 1, shift=0.3)
    try:
        expected = fid.fid_from_feats(a, b)
    except (TypeError, ValueError) as error:  # scipy 1.18 drops an argument that clean-fid passes
        pytest.skip(f"clean-fid does not run with this scipy: {error}")
    assert frechet_distance(a, b) == pytest.approx(float(expected), rel=1e-3)


def test_kernel_distance_by_hand():
    a, b = np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]])
    # k = (xy + 1)^3: within (0*1 + 1)^3 + (2*3 + 1)^3, between mean of 1, 1, 27, 64.
    expected = 1 + 343 - 2 * (1 + 1 + 27 + 64) / 4
    result = kernel_distance(a, b, seed=0, subsets=3, subset_size=2)
    assert (result.mean, result.sd) == (pytest.approx(expected), pytest.approx(0))


def test_kernel_distance_equals_clean_fid_on_the_whole_sets():
    fid = pytest.importorskip("cleanfid.fid")
    a, b = correlated(60, 12, 2), correlated(60, 12, 3, shift=0.2)
    expected = fid.kernel_distance(a, b, num_subsets=2)
    assert kernel_distance(a, b, seed=0, subsets=2, subset_size=60).mean == pytest.approx(expected, rel=1e-6)


def test_kernel_distance_is_unbiased_and_frechet_distance_is_not():
    pairs = [(correlated(20, 10, 2 * k + 10), correlated(20, 10, 2 * k + 11)) for k in range(200)]
    draws = np.array([kernel_distance(a, b, seed=k, subsets=5).mean for k, (a, b) in enumerate(pairs)])
    error = draws.std(ddof=1) / np.sqrt(len(draws))
    assert abs(draws.mean()) < 2 * error
    few, many = (frechet_distance(correlated(n, 10, 7), correlated(n, 10, 8)) for n in (20, 2000))
    assert few > 5 * many > 0


def test_kernel_distance_follows_its_seed():
    a, b = correlated(50, 8, 4), correlated(70, 8, 5)
    first = kernel_distance(a, b, seed=1, subsets=10)
    assert first == kernel_distance(a, b, seed=1, subsets=10)
    assert first != kernel_distance(a, b, seed=2, subsets=10)
    assert first.as_dict()["subset_size"] == 25
    assert first.sd > 0


def test_bad_input_says_what_came():
    with pytest.raises(ValueError, match=r"shapes \(4, 3\) and \(4, 2\)"):
        frechet_distance(np.zeros((4, 3)), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="NaN or infinity"):
        frechet_distance(np.zeros((4, 3)), np.full((4, 3), np.nan))
    with pytest.raises(ValueError, match="2 to 4 images, the smaller set, got 10 of 5"):
        kernel_distance(np.zeros((4, 3)), np.zeros((9, 3)), seed=0, subsets=10, subset_size=5)

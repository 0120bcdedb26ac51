"""Paired bootstrap: by hand, determinism, coverage of a known difference, errors."""

import pytest
import torch

from ssgnet_monai.metrics import paired_bootstrap
from ssgnet_monai.metrics.bootstrap import resample_counts


def test_constant_difference_has_no_width():
    scores = torch.rand(20, generator=torch.Generator().manual_seed(0))
    result = paired_bootstrap(scores + 0.25, scores, seed=3)
    assert result["difference"] == pytest.approx(0.25)
    assert result["ci95"] == pytest.approx([0.25, 0.25])


def test_two_images_by_hand():
    """Differences 1 and 0: a resample's mean is 0, 1/2 or 1 with 1/4, 1/2, 1/4, so the interval is [0, 1]."""
    result = paired_bootstrap(torch.tensor([1.0, 1.0]), torch.tensor([0.0, 1.0]), seed=0)
    assert result == {"difference": 0.5, "ci95": [0, 1], "detectable": 0.5, "n_seeds": 1, "n_groups": 2}


def binary(tp, tn, fp, fn):
    return [[tn, tp, fn, fp], [tp, tn, fp, fn]]


def test_counts_are_compared_by_pooled_dice():
    a = torch.tensor([binary(8.0, 0, 2, 2), binary(2, 0, 0, 0)])
    b = torch.tensor([binary(6.0, 0, 4, 4), binary(2, 0, 0, 0)])
    result = paired_bootstrap(a, b, seed=0)
    assert result["difference"] == pytest.approx(20 / 24 - 16 / 24)
    low, high = result["ci95"]
    assert (low, high) == (pytest.approx(0), pytest.approx(0.2))
    empty = torch.tensor([binary(0.0, 9, 0, 0)])
    assert paired_bootstrap(empty, empty, seed=0)["ci95"] == [0, 0]


def test_counts_of_three_classes_are_compared_by_the_mean_over_the_foreground():
    """Dice of class 1 and 2: model a 1/2 and 1, model b 1/2 and 0."""
    a = torch.tensor([[[9.0, 0, 0, 0], [2, 0, 2, 2], [3, 0, 0, 0]]])
    b = torch.tensor([[[0.0, 0, 9, 9], [2, 0, 2, 2], [0, 0, 0, 3]]])
    result = paired_bootstrap(a, b, seed=0)
    assert (result["difference"], result["ci95"]) == (0.5, [0.5, 0.5])


def test_cases_without_a_score_are_in_no_mean():
    a, b = torch.tensor([1.0, 0.5, torch.nan]), torch.tensor([0.5, torch.nan, torch.nan])
    result = paired_bootstrap(a, b, seed=0)
    assert result["difference"] == 0.75 - 0.5
    # Resamples without the first case lack a score of b; in the others a is lowest with the second drawn twice.
    assert result["ci95"] == pytest.approx([2 / 3 - 1 / 2, 0.5])


def test_interval_matches_the_standard_error_and_follows_the_seed():
    noise = torch.randn(400, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    a, b = 0.1 + noise, torch.zeros_like(noise)
    result = paired_bootstrap(a, b, seed=1)
    error = (noise.std() / 20).item()
    low, high = result["ci95"]
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert low < result["difference"] < high
    assert paired_bootstrap(a, b, seed=1) == result
    assert paired_bootstrap(a, b, seed=2)["ci95"] != result["ci95"]


@pytest.mark.parametrize(("a", "b"), [((3,), (4,)), ((3, 4), (2, 4)), ((3, 2, 5),) * 2, ((0,),) * 2, ((0, 3),) * 2])
def test_bad_shapes(a, b):
    with pytest.raises(ValueError, match="Expected two tensors of one shape"):
        paired_bootstrap(torch.zeros(a), torch.zeros(b), seed=0)


def test_images_of_one_patient_are_drawn_together():
    """Two patients of fifty equal images each are two observations, not a hundred: the interval is [0, 1] again."""
    a, b = torch.ones(100), torch.cat([torch.zeros(50), torch.ones(50)])
    groups = ["p"] * 50 + ["q"] * 50
    together = paired_bootstrap(a, b, seed=0, groups=groups)
    assert (together["difference"], together["ci95"], together["n_groups"]) == (0.5, [0, 1], 2)
    low, high = paired_bootstrap(a, b, seed=0)["ci95"]
    assert high - low < 0.25
    alone = paired_bootstrap(a, b, seed=0, groups=list(range(100)))
    assert alone == paired_bootstrap(a, b, seed=0)
    with pytest.raises(ValueError, match="a group for each of 100 images, got 3"):
        paired_bootstrap(a, b, seed=0, groups=["p"] * 3)


def test_seeds_are_drawn_too():
    """No spread between cases: of two seeds one is drawn, so the interval is that of the seeds, whatever the cases."""
    by_seed = torch.tensor([[0.0], [1.0]])
    result = paired_bootstrap(by_seed.expand(2, 50), torch.zeros(2, 50), seed=0)
    assert result == {"difference": 0.5, "ci95": [0, 1], "detectable": 0.5, "n_seeds": 2, "n_groups": 50}


def test_the_spread_is_that_of_crossed_levels_without_bias():
    """Sum of the seeds' and the groups' part: s_seed^2 / S + s_group^2 / G, the groups common to all seeds."""
    generator = torch.Generator().manual_seed(2)
    by_seed = torch.tensor([-0.1, 0.0, 0.02, 0.08], dtype=torch.float64)
    by_case = torch.randn(300, generator=generator, dtype=torch.float64) * 0.3
    result = paired_bootstrap(by_seed[:, None] + by_case, torch.zeros(4, 300), seed=0)
    error = (by_seed.var() / 4 + by_case.var() / 300).sqrt().item()
    assert result["detectable"] == pytest.approx(1.96 * error, rel=0.05)
    cases_alone = paired_bootstrap(by_case.expand(4, 300), torch.zeros(4, 300), seed=0)
    assert cases_alone["detectable"] == pytest.approx(1.96 * by_case.std().item() / 300**0.5, rel=0.05)


def test_one_seed_is_the_same_with_and_without_its_axis():
    generator = torch.Generator().manual_seed(3)
    a, b = torch.rand(2, 30, generator=generator)
    assert paired_bootstrap(a, b, seed=0) == paired_bootstrap(a[None], b[None], seed=0)
    a, b = torch.randint(0, 9, (2, 30, 3, 4), generator=generator)
    assert paired_bootstrap(a, b, seed=0) == paired_bootstrap(a[None], b[None], seed=0)
    equal = paired_bootstrap(torch.stack([a, a]), torch.stack([b, b]), seed=0)
    assert equal == {**paired_bootstrap(a, b, seed=0), "n_seeds": 2}


def test_without_any_score_there_is_no_difference():
    a = torch.full((2, 3), torch.nan)
    result = paired_bootstrap(a, a, seed=0)
    assert result == {"difference": None, "ci95": None, "detectable": None, "n_seeds": 2, "n_groups": 3}


def test_many_resamples_of_many_cases_take_little_memory():
    """10,000 resamples of 1,000 cases at once would take 80 MB; some rows come after others instead."""
    parts = list(resample_counts(1000, 0))
    assert sum(map(len, parts)) == 10_000
    assert max(part.nbytes for part in parts) <= 2**24
    assert (torch.cat(parts).sum(1) == 1000).all()

import itertools

import pytest

from ssgnet_monai.data.mixture import Mixture
from ssgnet_monai.data.sample_order import SampleOrder


def order(n, num_data, num_pool=0, seed=0, **shares):
    found = SampleOrder(num_data, [False] * num_pool, Mixture(**shares), seed)
    return [found.locate(k) for k in range(n)]


def test_every_pass_is_a_permutation_and_the_order_is_a_function_of_the_seed():
    drawn = order(10, 5, seed=3)
    assert sorted(drawn[:5]) == sorted(drawn[5:]) == [0, 1, 2, 3, 4]
    assert drawn == order(10, 5, seed=3)
    assert order(50, 5, seed=3) != order(50, 5, seed=4)


def test_the_order_of_a_seed_stays_as_it_is():
    """Trainings of earlier versions go on in it."""
    assert order(8, 3, 4, pool_fraction=0.5, seed=1) == [0, 5, 1, 3, 2, 4, 2, 6]


def test_pool_fraction_is_kept_in_every_window():
    drawn = order(400, 5, 15, pool_fraction=0.25)
    assert sum(index >= 5 for index in drawn) == 100
    assert all(sum(index >= 5 for index in drawn[i : i + 4]) == 1 for i in range(0, 400, 4))


def test_without_a_fraction_sources_are_sampled_in_proportion_to_their_sizes():
    assert sorted(order(20, 5, 15)) == list(range(20))


def test_a_fraction_of_a_pool_that_is_empty_counts_for_nothing():
    assert order(10, 5, 0, pool_fraction=0.5, seed=3) == order(10, 5, seed=3)


def test_sample_numbers_far_away_are_found():
    found = SampleOrder(3, [False, True] * 4, Mixture(0.3, 0.2), seed=9)
    assert 0 <= found.locate(2**40) < 11


def kinds_of(drawn, num_data, synthetic):
    return ["labelled" if i < num_data else "synthetic" if synthetic[i - num_data] else "real" for i in drawn]


def test_synthetic_images_have_their_share_of_the_pools_samples():
    """Four synthetic of five pool images, but a quarter of the pool's samples, in every eight samples one."""
    synthetic = [True, True, False, True, True]
    found = SampleOrder(3, synthetic, Mixture(pool_fraction=0.5, synthetic_fraction=0.25), seed=1)
    drawn = [found.locate(k) for k in range(400)]
    kinds = kinds_of(drawn, 3, synthetic)
    assert all(sorted(set(kinds[i : i + 8])) == ["labelled", "real", "synthetic"] for i in range(0, 400, 8))
    assert [kinds.count(kind) for kind in ("labelled", "real", "synthetic")] == [200, 150, 50]
    of_synthetic = [i for i in drawn if i in (3, 4, 6, 7)]
    assert all(sorted(of_synthetic[i : i + 4]) == [3, 4, 6, 7] for i in range(0, 48, 4))


@pytest.mark.parametrize(("share", "seen"), [(0.0, {"real"}), (1.0, {"synthetic"})])
def test_all_or_none_of_the_pools_samples_may_be_synthetic(share, seen):
    synthetic = [False, True, False]
    found = SampleOrder(2, synthetic, Mixture(0.5, share))
    assert set(kinds_of([found.locate(k) for k in range(60)], 2, synthetic)) == {"labelled"} | seen


@pytest.mark.parametrize("synthetic", [[False] * 4, [True] * 4])
def test_a_share_of_one_kind_alone_counts_for_nothing(synthetic):
    found = SampleOrder(3, synthetic, Mixture(0.5, 0.25), seed=1)
    assert [found.locate(k) for k in range(8)] == [0, 5, 1, 3, 2, 4, 2, 6]


def test_the_tail_of_labelled_images_goes_on_in_their_order():
    whole = order(40, 5, 7, seed=2, pool_fraction=0.5)
    tailed = order(40, 5, 7, seed=2, pool_fraction=0.5, labeled_from=21)
    assert tailed[:21] == whole[:21]
    assert all(index < 5 for index in tailed[21:])
    labelled = [index for index in tailed if index < 5]
    assert labelled == order(len(labelled), 5, seed=2)
    assert order(9, 5, 7, pool_fraction=0.5, labeled_from=0) == order(9, 5)


def test_every_sample_is_located_by_itself():
    found = SampleOrder(3, [True, False, True, False], Mixture(0.4, 0.3, 50), seed=5)
    drawn = [found.locate(k) for k in range(80)]
    assert [found.locate(k) for k in reversed(range(80))] == drawn[::-1]


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="class with 0 images cannot be trained"):
        SampleOrder(0)
    for name, value in itertools.product(("pool_fraction", "synthetic_fraction"), (1.5, -0.1)):
        with pytest.raises(ValueError, match=rf"{name} in \[0, 1[)\]] or null, got {value}"):
            Mixture(**{name: value})
    with pytest.raises(ValueError, match="labeled_from as a sample's number from 0 or null, got -1"):
        Mixture(labeled_from=-1)

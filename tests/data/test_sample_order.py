import pytest

from ssgnet_monai.data.sample_order import SampleOrder


def order(n, *sizes, **settings):
    found = SampleOrder(*sizes, **settings)
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
    found = SampleOrder(3, 7, 0.3, seed=9)
    assert 0 <= found.locate(2**40) < 10


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="class with 0 images cannot be trained"):
        SampleOrder(0)
    with pytest.raises(ValueError, match=r"pool_fraction in \[0, 1\) or null, got 1.5"):
        SampleOrder(5, 15, 1.5)

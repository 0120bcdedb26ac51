"""Seeds put together: mean and sd, the shared value, and the interval that holds images and training."""

from __future__ import annotations

import math

import pytest

from ssgnet_monai.report.over_seeds import common, seed_interval, statistic


def test_statistic() -> None:
    assert statistic([0.5, None, 0.7]) == {"mean": 0.6, "sd": pytest.approx(math.sqrt(0.02)), "values": [0.5, 0.7]}
    assert statistic([0.5]) == {"mean": 0.5, "sd": None, "values": [0.5]}
    assert statistic([None, math.nan]) is None


def test_common() -> None:
    assert common([3, None, 3]) == 3
    assert common([3, 4]) == [3, 4]
    assert common([None]) is None


def test_interval_of_one_seed_is_its_own() -> None:
    assert seed_interval([0.5], [[0.4, 0.55]]) == [0.4, 0.55]
    assert seed_interval([0.5], [None]) is None
    assert seed_interval([0.5], [[None, None]]) is None
    assert seed_interval([0.5, 0.6], [[0.4, 0.6], None]) is None
    assert seed_interval([], []) is None


def test_interval_adds_images_and_training_in_squares() -> None:
    # Two seeds: mean 0.5, sd sqrt(0.0002), t(1) = 12.706: training 0.12706; images 0.2 below, 0.1 above.
    low, high = seed_interval([0.49, 0.51], [[0.29, 0.59], [0.31, 0.61]]) or (0.0, 0.0)
    assert low == pytest.approx(0.5 - math.hypot(0.2, 0.12706), abs=1e-5)
    assert high == pytest.approx(0.5 + math.hypot(0.1, 0.12706), abs=1e-5)


def test_more_seeds_never_shrink_the_chance_of_the_images() -> None:
    assert seed_interval([0.5] * 9, [[0.4, 0.6]] * 9) == pytest.approx([0.4, 0.6])

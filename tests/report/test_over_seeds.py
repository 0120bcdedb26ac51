"""Seeds put together: mean and sd, and the shared value."""

from __future__ import annotations

import math

import pytest

from ssgnet_monai.report.over_seeds import common, statistic


def test_statistic() -> None:
    assert statistic([0.5, None, 0.7]) == {"mean": 0.6, "sd": pytest.approx(math.sqrt(0.02)), "values": [0.5, 0.7]}
    assert statistic([0.5]) == {"mean": 0.5, "sd": None, "values": [0.5]}
    assert statistic([None, math.nan]) is None


def test_common() -> None:
    assert common([3, None, 3]) == 3
    assert common([3, 4]) == [3, 4]
    assert common([None]) is None

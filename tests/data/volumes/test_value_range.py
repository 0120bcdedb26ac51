import numpy as np
import pytest

from ssgnet_monai.data.volumes.value_range import outlier_warnings, sampled, value_range


def ranged(values):
    return value_range(float(values.min()), float(values.max()), sampled(values))


@pytest.mark.parametrize("outlier", [1e6, 1e9, -1e9, 3e38])
@pytest.mark.parametrize("size", [100, 2880, 100_000])
def test_one_voxel_does_not_count(outlier, size):
    values = np.random.default_rng(0).normal(100, 20, size)
    clean = ranged(values)
    assert (clean.low, clean.high) == (values.min(), values.max())
    values[size // 2] = outlier
    found = ranged(values)
    assert -2000 < found.low < found.high < 2000
    assert {found.lowest, found.highest} & {outlier}
    said = outlier_warnings(["a.nii", "b.nii"], [clean, found], -2000, 2000)
    assert len(said) == 1
    assert "1 of 2 volumes hold voxels far from all others" in said[0]
    assert f"b.nii holds {outlier:g} beside usual values of" in said[0]
    assert outlier_warnings(["a.nii"], [clean], -2000, 2000) == []


def test_a_small_structure_in_a_constant_background_is_no_outlier():
    values = np.zeros(10_000)
    values[:20] = np.linspace(500, 1000, 20)
    found = ranged(values)
    assert (found.low, found.high) == (0, 1000)
    constant = ranged(np.full(50, 7.0))
    assert (constant.low, constant.high) == (7, 7)

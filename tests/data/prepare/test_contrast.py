import numpy as np
import pytest

from ssgnet_monai.data.prepare.contrast import equalise_contrast


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_faint_contrast_on_a_ramp_becomes_strong(kind):
    rows, columns = np.mgrid[:64, :64]
    unit = np.iinfo(kind).max // 255
    values = ((60 + columns + 4 * (rows % 8 < 4)) * unit).astype(kind)
    equalised = equalise_contrast(values)
    assert equalised.dtype == kind
    assert equalised.shape == values.shape
    stripes = equalised[4:60, 4:60].reshape(7, 2, 4, 56).astype(float).mean(axis=(0, 2, 3))
    assert abs(stripes[0] - stripes[1]) > 2 * 4 * unit


def test_hue_is_kept():
    values = np.random.default_rng(0).integers(40, 90, (32, 32, 1), np.uint8) * np.array([2, 1, 0], np.uint8)
    equalised = equalise_contrast(values)
    assert (equalised[..., 2] == 0).all()
    assert np.abs(equalised[..., 0] / 2 - equalised[..., 1]).max() <= 1
    assert np.ptp(equalised[..., 0]) > np.ptp(values[..., 0])


def test_one_value_stays():
    values = np.full((8, 8), 7, np.uint8)
    assert equalise_contrast(values) is values

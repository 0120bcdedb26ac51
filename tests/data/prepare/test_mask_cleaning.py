import numpy as np
import pytest

from ssgnet_monai.data.prepare.mask_cleaning import clean_mask


def test_specks_go_and_holes_close():
    square = np.zeros((16, 20), bool)
    square[4:12, 5:14] = True
    spoilt = square.copy()
    spoilt[1, 1] = spoilt[14, 17:19] = True
    spoilt[7, 8] = False
    cleaned = clean_mask(spoilt, 1)
    corners = {(4, 5), (4, 13), (11, 5), (11, 13)}  # a disk does not fit into them
    assert {tuple(place) for place in np.argwhere(cleaned != square)} == corners


@pytest.mark.parametrize("radius", [1, 3])
def test_a_lesion_at_the_edge_and_plain_masks_stay(radius):
    mask = np.zeros((30, 30), bool)
    mask[:, :14] = True
    for values in (mask, ~mask, mask.T, np.zeros((5, 6), bool), np.ones((5, 6), bool)):
        assert np.array_equal(clean_mask(values, radius), values)


def test_cleaning_twice_changes_nothing_more():
    mask = np.pad(np.random.default_rng(0).random((40, 40)) > 0.35, 4)
    once = clean_mask(mask, 1)
    assert 0 < once.mean() < 1
    assert np.array_equal(clean_mask(once, 1), once)
    assert clean_mask(mask, 0) is mask


def test_negative_radius():
    with pytest.raises(ValueError, match="radius of at least 0 pixels"):
        clean_mask(np.ones((4, 4), bool), -1)

"""Surface distances: worked out by hand, against the definition by brute force, empty masks, errors."""

import math
import time

import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance

from ssgnet_monai.metrics import surface_distances


def _points(shape, *places):
    mask = np.zeros(shape, bool)
    mask[tuple(np.transpose(places))] = True
    return mask


def _blob(seed, shape):
    """A ball of uneven radius that reaches the edge of the grid now and then."""
    draw = np.random.default_rng(seed)
    centre = draw.uniform(1, np.array(shape) - 2)
    far = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(np.indices(shape), centre, strict=True)))
    return far + draw.uniform(0, 1.5, shape) < min(shape) / 2.5


def _by_definition(prediction, truth, spacing):
    """Every voxel of a mask with a neighbour outside it (the grid's outside too), every pair of them."""
    surfaces = []
    for mask in (prediction, truth):
        padded = np.pad(mask, 1)
        inside = padded.copy()
        for axis in range(mask.ndim):
            inside &= np.roll(padded, 1, axis) & np.roll(padded, -1, axis)
        surfaces.append((np.argwhere(padded & ~inside)) * np.array(spacing))
    pairs = np.sqrt(((surfaces[0][:, None] - surfaces[1][None]) ** 2).sum(-1))
    there, back = pairs.min(1), pairs.min(0)
    return np.percentile(np.concatenate([there, back]), 95), (there.mean() + back.mean()) / 2


def test_two_pixels():
    one, other = _points((9, 9), (0, 0)), _points((9, 9), (3, 4))
    assert surface_distances(one, other) == (5, 5)
    assert surface_distances(one, other, (2, 1)) == pytest.approx([math.sqrt(52)] * 2)


def test_one_outlying_pixel_counts_among_the_distances_of_both_directions():
    row = [(0, column) for column in range(5)]
    prediction, truth = _points((7, 9), *row), _points((7, 9), *row, (6, 0))
    # There: five times 0. Back: five times 0, once 6. The 95th percentile of the eleven is half way from 0 to 6.
    assert surface_distances(prediction, truth) == pytest.approx((3, 0.5))
    assert surface_distances(truth, prediction) == pytest.approx((3, 0.5))
    masks = [torch.from_numpy(mask)[None, None].float() for mask in (prediction, truth)]
    assert compute_hausdorff_distance(*masks, percentile=95).item() == pytest.approx(4.5)  # as the docstring says


def test_the_inside_of_a_mask_is_no_surface():
    cube = np.zeros((5, 6, 7), bool)
    cube[1:4, 1:4, 1:4] = True
    near = (6 + 12 * math.sqrt(2) + 8 * math.sqrt(3)) / 26
    assert surface_distances(_points(cube.shape, (2, 2, 2)), cube) == pytest.approx((math.sqrt(3), (1 + near) / 2))


def test_the_edge_of_the_grid_is_a_surface():
    # Ones everywhere: their surface is the frame, and the middle is 2 away from it.
    assert surface_distances(np.ones((5, 5)), _points((5, 5), (2, 2))).assd == pytest.approx(
        (2 + (4 * 2 + 8 * math.sqrt(5) + 4 * math.sqrt(8)) / 16) / 2
    )


@pytest.mark.parametrize(("shape", "spacing"), [((14, 17), (1, 1)), ((14, 17), (0.4, 3)), ((9, 11, 8), (3, 3, 10))])
def test_equal_to_the_definition(shape, spacing):
    for seed in range(6):
        prediction, truth = _blob(seed, shape), _blob(seed + 100, shape)
        found = surface_distances(prediction, truth, spacing)
        assert found == pytest.approx(_by_definition(prediction, truth, spacing), rel=1e-12)
        assert found == pytest.approx(surface_distances(truth, prediction, spacing), rel=1e-12)
        assert surface_distances(truth, truth, spacing) == (0, 0)


@pytest.mark.parametrize("empty", ["prediction", "truth", "both"])
def test_an_empty_mask_has_no_distance(empty):
    mask, none = _points((4, 4, 4), (1, 1, 1)), np.zeros((4, 4, 4), bool)
    pair = {"prediction": (none, mask), "truth": (mask, none), "both": (none, none)}[empty]
    assert np.isnan(surface_distances(*pair, (1, 1, 1))).all()


def test_a_volume_of_one_slice_is_measured_as_a_picture():
    prediction, truth = _blob(1, (16, 16)), _blob(2, (16, 16))
    flat = surface_distances(prediction, truth, (2, 3))
    assert surface_distances(prediction[..., None], truth[..., None], (2, 3, 8)) == flat
    assert surface_distances(prediction[None], truth[None], (8, 2, 3)) == flat


def test_tensors_and_numbers_are_masks_too():
    prediction, truth = torch.zeros(8, 8), torch.zeros(8, 8, dtype=torch.uint8)
    prediction[1, 1], truth[1, 4] = 1, 3
    assert surface_distances(prediction, truth) == (3, 3)


def test_ninety_volumes_take_seconds():
    shape = (70, 70, 44)
    prediction, truth = _blob(3, shape), _blob(4, shape)
    start = time.process_time()
    surface_distances(prediction, truth, (1.25, 1.25, 1.25))
    assert time.process_time() - start < 1


def test_what_cannot_be_measured_is_refused():
    mask = np.ones((4, 4), bool)
    with pytest.raises(ValueError, match=r"one shape .* got \(4, 4\) and \(1, 4, 4\)"):
        surface_distances(mask, mask[None])
    with pytest.raises(ValueError, match=r"got \(4,\) and \(4,\)"):
        surface_distances(mask[0], mask[0])
    for spacing in ((1, 1, 1), (1, 0), (1, math.nan), 2):
        with pytest.raises(ValueError, match="Expected 2 spacings in mm"):
            surface_distances(mask, mask, spacing)

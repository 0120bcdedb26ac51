"""The grid of three-dimensional networks, and the way back to a file's own."""

import numpy as np
import pytest
import torch

from ssgnet_monai.data.volumes.network_grid import canonical_view, on_file_grid, on_network_grid
from tests.volume_files import f_mask, oblique, stored_as


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PSR", "IRA", "SLP"])
def test_volumes_of_all_orders_are_seen_alike_and_come_back(codes):
    solid = f_mask((20, 24, 6))
    seen, affine = on_network_grid(solid, oblique(), None, "nearest")
    stored, stored_affine = stored_as(codes, solid, oblique())
    found, found_affine = on_network_grid(stored, stored_affine, None, "nearest")
    np.testing.assert_array_equal(found, seen)
    np.testing.assert_allclose(found_affine, affine)
    np.testing.assert_array_equal(canonical_view(stored, stored_affine), seen)
    back = on_file_grid(torch.from_numpy(found)[None].float(), stored.shape, stored_affine, None)
    np.testing.assert_array_equal(back[0].numpy(), stored)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PSR"])
def test_a_resampled_ramp_comes_back_to_the_files_voxels(codes):
    """A linear ramp is resampled without loss, so that any shift of half a voxel shows."""
    ramp = np.add.outer(np.add.outer(np.arange(20), 100 * np.arange(24)), 10_000 * np.arange(9)).astype(np.float32)
    stored, affine = stored_as(codes, ramp, oblique(20, (0.7, 0.8, 2.0)))
    spacing = [1.1, 0.9, 1.5]
    seen, _ = on_network_grid(stored, affine, spacing, "bilinear")
    assert seen.shape != ramp.shape
    back = on_file_grid(torch.from_numpy(seen)[None], stored.shape, affine, spacing)[0].numpy()
    assert back.shape == stored.shape
    assert np.abs(back - stored)[:-2, :-2, :-2].max() < 0.3  # beyond the last new voxel nothing is known


@pytest.mark.parametrize("codes", ["PSR", "SLP", "IRA"])
def test_a_spacing_is_along_the_patients_axes_however_a_file_orders_its_own(codes):
    ramp = np.add.outer(np.add.outer(np.arange(20), 100 * np.arange(24)), 10_000 * np.arange(9)).astype(np.float32)
    seen, _ = on_network_grid(ramp, oblique(20, (0.7, 0.8, 5.0)), [1.4, 0.8, 2.5], "bilinear")
    assert seen.shape == (10, 24, 17)
    found, found_affine = on_network_grid(
        *stored_as(codes, ramp, oblique(20, (0.7, 0.8, 5.0))), [1.4, 0.8, 2.5], "bilinear"
    )
    assert found.shape == seen.shape
    np.testing.assert_allclose(np.linalg.norm(found_affine[:3, :3], axis=0), [1.4, 0.8, 2.5])


def test_a_spacing_that_is_there_already_changes_nothing():
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    found, _ = on_network_grid(voxels, np.diag([1.25, 1.25, 1.25, 1]), [1.25, 1.25, 1.2501], "bilinear")
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, voxels)

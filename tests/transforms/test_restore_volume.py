"""Answers of a network on the voxels of a file, written and shown there."""

import nibabel
import numpy as np
import pytest
import torch

from ssgnet_monai.transforms import ClassNumbersd, LoadVolumed, RestoreVolumed, SaveMaskd, ViewerMaskd
from tests.volume_files import f_mask, oblique, stored_as, write


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PSR"])
@pytest.mark.parametrize("spacing", [None, [0.5, 0.5, 1.0]])
def test_a_mask_comes_back_to_the_file(tmp_path, codes, spacing):
    truth, affine = stored_as(codes, f_mask((24, 22, 20)), oblique(15, (1, 1, 2)))
    path = write(tmp_path / "a.nii.gz", truth.astype(np.int16) * 100, affine)
    data = LoadVolumed(2, (0, 100), voxel_spacing=spacing)({"image": str(path)})
    foreground = data["image"].as_tensor().float() / 100
    data["pred"] = torch.cat([1 - foreground, foreground])
    data = ClassNumbersd("pred")(RestoreVolumed("pred", spacing)(data))
    data = SaveMaskd("pred", tmp_path / "out")(data)
    written = nibabel.load(tmp_path / "out" / "a.nii.gz")
    found = np.asarray(written.dataobj)
    np.testing.assert_array_equal(written.affine, nibabel.load(path).affine)
    assert found.dtype == np.uint8
    assert (found == truth).mean() > (0.999 if spacing is None else 0.97)
    shown = ViewerMaskd("pred")(data)
    np.testing.assert_array_equal(shown["pred"].array, found)
    np.testing.assert_allclose(shown["pred"].affine, written.affine, atol=1e-5)
    assert "spatial_shape" not in shown["image"].meta

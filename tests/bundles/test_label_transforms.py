"""What MONAI Label's app does with the bundle's transforms, without its server."""

import itk
import nibabel
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import Compose, NormalizeIntensityd, SaveImaged
from PIL import Image

from ssgnet_monai.engines import PaddedInferer
from ssgnet_monai.shipped import BUNDLES
from ssgnet_monai.transforms import NormalizeSlicesd, ViewerMaskd
from tests.bundles.bright_network import BrightNetwork
from tests.volume_files import ct, f_mask, oblique, stored_as, write


def ask(path, **settings):
    """Preprocess, infer and postprocess one file as the stock app does: one item, no writer of ours."""
    parser = ConfigParser()
    parser.read_config(BUNDLES / "ssgnet_segmentation" / "configs" / "inference.yaml")
    parser.update({"bundle_root": "nowhere", "image_size": 32, **settings})
    data = {"image": str(path), "model": "m"}
    for transform in parser.get_parsed_content("preprocessing").transforms:
        data = transform(data)
    inferer = parser.get_parsed_content("inferer")
    data["pred"] = inferer(data["image"][None], BrightNetwork())[0]
    after = parser.get_parsed_content("postprocessing").transforms
    return Compose([transform for transform in after if not isinstance(transform, SaveImaged)])(data)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PSR", "IRA"])
def test_a_volume_comes_back_on_its_own_grid(tmp_path, codes):
    truth, affine = stored_as(codes, f_mask((32, 32, 5)) | (np.arange(32)[:, None, None] == 30), oblique())
    path = write(tmp_path / "case.nii.gz", truth.astype(np.int16) * 1900 - 1000, affine)
    found = ask(path, voxel_window=[-1024, 900])
    np.testing.assert_array_equal(np.asarray(found["pred"]), truth)
    assert found["pred"].dtype == torch.uint8
    np.testing.assert_allclose(found["pred"].affine, affine, atol=1e-5)  # a header holds 32 bits
    assert "spatial_shape" not in found["image"].meta


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_written_mask_of_a_picture_lies_on_it(tmp_path, suffix, mode):
    values = np.zeros((64, 96), np.uint8)
    values[4:24, 60:92] = 255
    Image.fromarray(values).convert(mode).save(tmp_path / f"p{suffix}")
    found = ask(tmp_path / f"p{suffix}", image_size=64)
    assert found.get("result_extension") == (".png" if suffix == ".jpg" else None)
    mask = found["pred"].array
    assert mask.shape == (96, 64)
    itk.imwrite(itk.image_from_array(mask.transpose().copy()), str(tmp_path / "mask.png"))  # as MONAI Label's writer
    written = np.asarray(Image.open(tmp_path / "mask.png"))
    assert set(np.unique(written)) == {0, 1}
    assert (written == (values > 0)).mean() > 0.99


def test_another_format_that_the_client_asks_for_stays():
    image = MetaTensor(torch.zeros(3, 2, 2), meta={"filename_or_obj": "a.jpg", "spatial_shape": [2, 3]})
    data = {"image": image, "pred": torch.ones(1, 2, 3), "result_extension": ".nrrd"}
    assert ViewerMaskd("pred")(data)["result_extension"] == ".nrrd"


def test_slices_are_normalised_and_inferred_one_by_one():
    volume = torch.rand(3, 8, 9, 20)
    volume[:, :, :, 4] = 0.25
    found = NormalizeSlicesd("image")({"image": volume})["image"]
    alone = [NormalizeIntensityd("image", channel_wise=True)({"image": volume[..., k]})["image"] for k in range(20)]
    torch.testing.assert_close(found, torch.stack(alone, -1))
    network = torch.nn.Conv2d(3, 2, 3, padding=1)
    whole = PaddedInferer(4)(volume[None], network)
    each = [PaddedInferer(4)(volume[None, ..., k], network) for k in range(20)]
    torch.testing.assert_close(whole, torch.stack(each, -1))


def test_probabilities_of_slices_are_those_of_the_bundles_own_inference(run_bundle, tmp_path):
    path = write(tmp_path / "in" / "case.nii.gz", ct(0, (40, 30, 5)))
    bright = {"_target_": "tests.bundles.bright_network.BrightNetwork"}
    run_bundle(
        "segmentation", ["inference"], dataset_dir=str(path.parent), output_dir=str(tmp_path / "out"), image_size=32,
        voxel_window=[-1024, 900], network_def=bright, initialize=[],
    )  # fmt: skip
    written = np.asarray(nibabel.load(tmp_path / "out" / "case.nii.gz").dataobj)
    np.testing.assert_array_equal(np.asarray(ask(path, voxel_window=[-1024, 900])["pred"]), written)

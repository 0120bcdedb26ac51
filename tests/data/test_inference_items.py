import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import inference_items
from tests.volume_files import ct, write


def test_pictures_once_and_volumes_slice_by_slice(tmp_path):
    write(tmp_path / "b.NII.GZ", ct())
    Image.fromarray(np.zeros((3, 4), np.uint8)).save(tmp_path / "a.png")
    items = inference_items(tmp_path)
    assert items[0] == {"image": str(tmp_path / "a.png"), "axis": 0, "slice": 0}
    assert items[1:] == [{"image": str(tmp_path / "b.NII.GZ"), "axis": 2, "slice": index} for index in range(6)]
    assert {item["axis"] for item in inference_items(tmp_path, "coronal")[1:]} == {1}
    assert len(inference_items(tmp_path, "coronal")) == 1 + 24


def test_a_volume_that_cannot_be_used_is_refused_before_any_work(tmp_path):
    write(tmp_path / "a.nii.gz", ct())
    write(tmp_path / "b.nii.gz", np.zeros((3, 4, 5, 2), np.int16))
    with pytest.raises(ValueError, match=r"three dimensions, got shape \(3, 4, 5, 2\) in .*b\.nii\.gz"):
        inference_items(tmp_path)

import numpy as np
import torch
from monai.data import MetaTensor
from PIL import Image

from ssgnet_monai.transforms import SaveMaskd


def item(mask, name):
    image = MetaTensor(torch.zeros(1, *mask.shape), meta={"filename_or_obj": name})
    return {"image": image, "pred": torch.from_numpy(mask)[None]}


def test_two_classes_are_black_and_white_and_more_are_numbers(tmp_path):
    mask = np.array([[0, 1, 1], [1, 0, 0]], np.uint8)
    SaveMaskd("pred", tmp_path)(item(mask, "/there/a.b.jpg"))
    with Image.open(tmp_path / "a.b.png") as found:
        assert found.mode == "L"
        np.testing.assert_array_equal(np.asarray(found), mask * 255)
    mask[0, 0] = 2
    SaveMaskd("pred", tmp_path, num_classes=3)(item(mask, "/there/c.png"))
    with Image.open(tmp_path / "c.png") as found:
        assert found.mode == "P"
        np.testing.assert_array_equal(np.asarray(found), mask)

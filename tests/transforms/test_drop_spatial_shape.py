import torch
from monai.data import MetaTensor

from ssgnet_monai.transforms import DropSpatialShaped


def test_only_the_shape_is_forgotten():
    image = MetaTensor(torch.zeros(1, 2, 2), meta={"spatial_shape": [9, 9], "filename_or_obj": "a.png"})
    result = DropSpatialShaped("image")({"image": image, "pred": 1})
    assert result["image"].meta.get("filename_or_obj") == "a.png"
    assert "spatial_shape" not in result["image"].meta
    assert "spatial_shape" in image.meta
    plain = {"image": torch.zeros(1)}
    assert DropSpatialShaped("image")(plain) == plain

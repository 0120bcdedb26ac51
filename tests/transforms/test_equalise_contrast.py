import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from ssgnet_monai.data.prepare.contrast import equalise_contrast
from ssgnet_monai.transforms import EqualiseContrastd


@pytest.mark.parametrize("channels", [1, 3])
def test_loaded_images_look_as_prepared_ones(channels):
    values = np.random.default_rng(0).integers(60, 120, (24, 32, 1), np.uint8).repeat(channels, -1)
    prepared = equalise_contrast(values[..., 0])
    image = MetaTensor(torch.from_numpy(values.transpose(2, 0, 1)) / 255, meta={"filename_or_obj": "a.png"})
    result = EqualiseContrastd("image")({"image": image, "other": 1})
    assert result["image"].meta["filename_or_obj"] == "a.png"
    assert result["image"].dtype == torch.float32
    assert result["image"].shape == (channels, 24, 32)
    assert np.abs(result["image"].numpy() * 255 - prepared).max() <= 1
    assert image.max() < 0.5  # the input is what it was


def test_normalised_images_are_refused():
    with pytest.raises(ValueError, match=r"values in \[0, 1\] under 'image'.*before normalisation"):
        EqualiseContrastd("image")({"image": torch.linspace(-1, 1, 64).reshape(1, 8, 8)})

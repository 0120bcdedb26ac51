"""Grey levels of pictures and volumes for the encoder that sees them."""

import pytest
import torch

from ssgnet_monai.transforms import NormalizeForEncoderd


def test_values_by_hand():
    levels = torch.tensor([0.0, 0.5, 1.0]).expand(3, 1, 3)
    found = NormalizeForEncoderd("image", "tu-tf_efficientnet_lite0")({"image": levels, "label": levels})
    assert torch.equal(found["image"][0, 0], torch.tensor([-1.0, 0.0, 1.0]))
    assert found["label"] is levels
    of_resnet = NormalizeForEncoderd("image", "resnet18")({"image": levels})["image"]
    torch.testing.assert_close(of_resnet[2, 0, 2], torch.tensor((1 - 0.406) / 0.225))


def test_grey_images_have_the_mean_of_the_three_channels():
    grey = NormalizeForEncoderd("image", "resnet18")({"image": torch.full((1, 2, 2), 0.449)})["image"]
    torch.testing.assert_close(grey, torch.zeros(1, 2, 2))  # (.485 + .456 + .406) / 3


def test_a_volume_is_normalised_as_its_slices():
    volume, step = torch.rand(3, 4, 4, 5), NormalizeForEncoderd("image", "resnet18")
    slices = [step({"image": volume[..., k]})["image"] for k in range(5)]
    assert torch.equal(step({"image": volume})["image"], torch.stack(slices, dim=-1))


def test_an_unknown_encoder_is_named():
    with pytest.raises(ValueError, match=r"encoder of timm \(encoder_name: tu-NAME\), got 'resnet1850'"):
        NormalizeForEncoderd("image", "resnet1850")

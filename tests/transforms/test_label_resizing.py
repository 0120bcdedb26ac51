"""A label is resized onto its resized image: the same disc is found in both."""

import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd

from tests.bundles.conftest import REPOSITORY


def resize(size):
    folder = next(REPOSITORY.glob("bundles/*_segmentation"))
    parser = ConfigParser()
    parser.read_config(str(folder / "configs" / "train.yaml"))
    parser["image_size"] = size
    return parser.get_parsed_content("validate#resize")


def disc(size, radius):
    rows, columns = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
    return ((rows - size * 0.45).hypot(columns - size * 0.55) < radius).float()[None]


def dice(one, other):
    return (2 * (one & other).sum() / (one.sum() + other.sum())).item()


@pytest.mark.parametrize(
    ("source", "target", "radius"), [(512, 64, 96), (500, 64, 96), (48, 128, 9), (64, 64, 9), (100, 256, 20)]
)
def test_the_mask_of_a_disc_lies_on_its_image(source, target, radius):
    item = {key: MetaTensor(disc(source, radius)) for key in ("image", "label")}
    found = Compose([resize(target)])(item)
    assert found["label"].shape == (1, target, target)
    assert set(found["label"].unique().tolist()) <= {0.0, 1.0}
    assert dice(found["image"] >= 0.5, found["label"] >= 0.5) > 0.97


def test_a_mask_comes_back_to_the_image_it_came_from():
    transform = Compose([resize(64)])
    found = transform({key: MetaTensor(disc(512, 96)) for key in ("image", "label")})
    back = Invertd(keys="label", transform=transform, orig_keys="label", nearest_interp=False)(found)
    assert back["label"].shape == (1, 512, 512)
    assert dice(back["label"] >= 0.5, disc(512, 96) >= 0.5) > 0.95

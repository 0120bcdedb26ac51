"""Where left and right differ, no training shows a mirrored image."""

import pytest
import torch
from monai.bundle import ConfigParser

from tests.bundles.conftest import REPOSITORY

DATASETS = sorted((REPOSITORY / "configs" / "datasets").glob("*.yaml"))
SIDED = {"chest_xray"}  # a chest's heart side is anatomy


def parsed(bundle, dataset, phantom, **overrides):
    folder = next(REPOSITORY.glob(f"bundles/*_{bundle}"))
    parser = ConfigParser()
    parser.read_config([str(folder / "configs" / "train.yaml"), str(dataset)])
    parser.update({"dataset_dir": str(phantom), "device": "cpu", "bundle_root": str(folder), **overrides})
    return parser


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda path: path.stem)
@pytest.mark.parametrize("bundle", ["classification", "segmentation"])
def test_images_are_mirrored_where_the_sides_are_alike_only(bundle, dataset, phantom):
    augmentation = parsed(bundle, dataset, phantom).get_parsed_content("train#augmentation")
    mirrored = torch.linalg.det(augmentation.sample_parameters(200)[:, :, :2]) < 0
    assert bool(mirrored.any()) is (dataset.stem not in SIDED)


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda path: path.stem)
def test_the_generators_augmentation_too(dataset, phantom):
    augment = parsed("synthesis", dataset, phantom, **{"augment_def#p": 1.0}).get_parsed_content("augment_def")
    assert ("xflip" in augment.sample_parameters(4)) is (dataset.stem not in SIDED)


@pytest.mark.parametrize(
    ("dataset", "settings", "axes"),
    [
        ("la2018", {}, (0, 1)),
        ("la2018", {"mirror": False}, ()),
        ("pancreas_ct", {}, ()),
        ("brats2019", {"turn_planes": [[0, 1]]}, (0, 1, 2)),
    ],
)
def test_whole_volumes_are_flipped_along_the_axes_of_their_dataset(dataset, settings, axes, phantom):
    parser, folder = ConfigParser(), REPOSITORY / "bundles" / "ssgnet_segmentation"
    files = [folder / "configs" / "train.yaml", folder / "configs" / "volumes.yaml"]
    parser.read_config([str(file) for file in (*files, REPOSITORY / "configs" / "datasets" / f"{dataset}.yaml")])
    parser.update({"dataset_dir": str(phantom), "device": "cpu", "bundle_root": str(folder), **settings})
    augmentation = parser.get_parsed_content("train#augmentation")
    assert augmentation.flip_axes == axes
    assert augmentation.turn_planes == tuple(map(tuple, settings.get("turn_planes", ())))

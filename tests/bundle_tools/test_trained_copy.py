import json
import re

import monai.bundle
import pytest
import torch
import yaml
from monai.bundle import ConfigParser
from monai.networks.nets import UNet
from PIL import Image

from ssgnet_monai.bundle_tools.trained_copy import copy_trained, with_settings
from ssgnet_monai.bundle_tools.verify import verify_bundle
from ssgnet_monai.networks import VNet
from ssgnet_monai.shipped import BUNDLES, CONFIGS
from tests.volume_files import ct, oblique, write

UNET = {"_target_": "UNet", "spatial_dims": 2, "in_channels": 1, "out_channels": 1, "channels": [4, 8], "strides": [2]}


@pytest.fixture
def row(tmp_path):
    """A finished row as `ssgnet run` leaves it."""
    folder = tmp_path / "run" / "segmentation" / "unet" / "seed0"
    (tmp_path / "run" / "data").mkdir(parents=True)
    folder.mkdir(parents=True)
    datalist = {
        "labels": {"0": "background", "1": "polyp"},
        "classes": ["all"],
        "intensity_window": [10, 4000],
        "voxel_window": [-160, 240],
    }
    (tmp_path / "run" / "data" / "datalist.json").write_text(json.dumps(datalist))
    (folder / "config.yaml").write_text("dataset_dir: data\n")
    trained = {"image_size": 64, "num_channels": 1, "network_def": UNET, "network_def#channels": [8, 16], "steps": 7}
    trained["num_labeled"] = 24
    record = {"configs": ["train", "rounds"], "settings": trained}
    (folder / "trained_with.json").write_text(json.dumps(record))
    torch.save(UNet(2, 1, 1, [8, 16], [2]).state_dict(), folder / "model.pt")
    return folder


def test_a_copy_predicts_and_trains_with_the_settings_of_the_run(row, tmp_path):
    copy = copy_trained("ssgnet_segmentation", row, tmp_path / "polyp_segmentation")
    Image.new("I;16", (48, 40), 500).save(tmp_path / "image.png")
    parser = ConfigParser()
    parser.read_config([str(copy / "configs" / "inference.yaml")])
    parser["bundle_root"] = str(copy)
    network = parser.get_parsed_content("network")
    network.load_state_dict(torch.load(copy / "models" / "model.pt", weights_only=True))
    image = parser.get_parsed_content("preprocessing")({"image": str(tmp_path / "image.png")})["image"]
    assert image.shape == (1, 64, 64)
    assert parser.get_parsed_content("inferer")(image[None], network).shape == (1, 1, 64, 64)
    config = yaml.safe_load((copy / "configs" / "train.yaml").read_text())
    assert config["steps"] == 7
    assert config["num_labeled"] is None  # the experiment's, not that of the labels to come
    training = ConfigParser()
    training.read_config([str(copy / "configs" / "train.yaml")])
    training["bundle_root"] = str(copy)
    training["datalist"] = {"training": [], "validation": []}  # as the label server has it
    load = {"image": str(tmp_path / "image.png")}
    torch.testing.assert_close(training.get_parsed_content("validate#preprocessing")(load)["image"], image.as_tensor())
    volume = str(write(tmp_path / "case.nii", ct(), oblique()))
    for parsed in (training.get_parsed_content("validate#preprocessing"), parser.get_parsed_content("preprocessing")):
        item = parsed.transforms[0]({"image": volume, "axis": 2, "slice": 1})
        assert set(item["image"].unique().tolist()) == {0.0, 1.0}  # all of it outside -160 to 240
    metadata = json.loads((copy / "configs" / "metadata.json").read_text())
    assert metadata["description"].startswith("Trains a UNet on few labelled images")  # Slicer's tooltip
    assert metadata["network_data_format"]["outputs"]["pred"]["channel_def"] == {"0": "background", "1": "polyp"}
    assert metadata["network_data_format"]["inputs"]["image"]["num_channels"] == 1


def test_settings_are_merged_by_their_structure_and_what_nothing_reads_is_passed_by():
    configs = {"train": {"a": 1, "b": {"c": [1], "d": "x"}}, "over": {"+b": {"e": 2}, "b#c": [2]}}
    given = {"b#d": "$@mine", "unknown": 3, "mine": "@further", "further": 4, "a": None}
    merged = with_settings(configs, given)
    assert merged == {"a": None, "b": {"c": [2], "d": "$@mine", "e": 2}, "mine": "@further", "further": 4}
    with pytest.raises(ValueError, match="the id 'b#x#y' of the row to lie inside"):
        with_settings(configs, {"b#x#y": 1})


def test_a_copy_says_where_its_configs_come_from_and_passes_verification(row, tmp_path):
    copy = copy_trained("ssgnet_segmentation", row, tmp_path / "polyp_segmentation")
    for name in ("train", "inference"):
        text = (copy / "configs" / f"{name}.yaml").read_text()
        assert text.startswith(f"# {name}.yaml with the settings of segmentation/unet/seed0, by `ssgnet bundle copy")
        assert not re.search(r"[:-] [&*]id\d", text)
        shipped = yaml.safe_load((BUNDLES / "ssgnet_segmentation" / "configs" / f"{name}.yaml").read_text())
        copied = yaml.safe_load(text)
        assert list(copied) == list(shipped)
        changed = {key for key in shipped if shipped[key] != copied[key]}
        assert {"image_size", "num_channels", "network_def", "intensity_window", "voxel_window"} <= changed
        labels = {"label_names": ["background", "polyp"], "num_classes": 2}
        assert {key: copied[key] for key in labels if key in copied} == {
            k: v for k, v in labels.items() if k in shipped
        }
    assert [finding for finding in verify_bundle(copy) if finding.refusal] == []


def test_what_a_network_brings_to_its_training_goes_into_the_training_alone(row, tmp_path):
    overlay = yaml.safe_load((CONFIGS / "networks" / "transunet_tvmf.yaml").read_text())
    overlay["train#handlers"] = overlay.pop("+train#handlers")
    settings = {**overlay, "pretrained": "elsewhere/R50+ViT-B_16.npz"}
    (row / "trained_with.json").write_text(json.dumps({"configs": ["train"], "settings": settings}))
    copy = copy_trained("ssgnet_segmentation", row, tmp_path / "polyp_segmentation")
    train, inference = (
        yaml.safe_load((copy / "configs" / f"{name}.yaml").read_text()) for name in ("train", "inference")
    )
    assert train["train"]["handlers"][-1]["_target_"].endswith("AdaptiveKappaHandler")
    assert train["pretrained"] is None
    assert inference["train"] == {"handlers": []}
    assert inference["network_def"] == overlay["network_def"]
    assert (inference["size_multiple"], inference["num_logits"]) == (16, "@num_classes")
    assert not {"loss", "optimizer", "lr_scheduler", "learning_rate", "pretrained"} & set(inference)
    description = json.loads((copy / "configs" / "metadata.json").read_text())["description"]
    assert description.startswith("Trains a TransUNet on few")


def test_a_copy_with_a_pretrained_encoder_sees_images_as_its_training_did(row, tmp_path):
    overlay = yaml.safe_load((CONFIGS / "networks" / "unet_pretrained.yaml").read_text())
    settings = {**overlay, "image_size": 32, "num_channels": 1}
    (row / "trained_with.json").write_text(json.dumps({"configs": ["train"], "settings": settings}))
    copy = copy_trained("ssgnet_segmentation", row, tmp_path / "polyp_segmentation")
    Image.new("I;16", (32, 32), 10 + 3990 // 4).save(tmp_path / "image.png")  # a quarter of the intensity window
    for name, id_ in (("train", "validate#preprocessing"), ("inference", "preprocessing")):
        parser = ConfigParser()
        parser.read_config([str(copy / "configs" / f"{name}.yaml")])
        parser["bundle_root"] = str(copy)
        if name == "train":
            parser["datalist"] = {"training": [], "validation": []}
        image = parser.get_parsed_content(id_)({"image": str(tmp_path / "image.png")})["image"]
        assert image.unique().tolist() == pytest.approx([2 * 0.25 - 1], abs=1e-3)  # not 0, its z-score
    assert yaml.safe_load((copy / "configs" / "train.yaml").read_text())["pretrained_encoder"] is None
    assert [finding for finding in verify_bundle(copy) if finding.refusal] == []


def test_a_copy_of_a_training_on_volumes_has_three_dimensions(row, tmp_path):
    network = {"_target_": "ssgnet_monai.networks.VNet", "in_channels": 1, "out_channels": "@num_logits", "width": 2}
    trained = {"network_def": network, "patch_size": [16, 16, 16], "steps": 3}
    record = {"configs": ["train", "volumes", "rounds"], "settings": trained}
    (row / "trained_with.json").write_text(json.dumps(record))
    torch.save(VNet(1, 1, width=2).state_dict(), row / "model.pt")
    copy = copy_trained("ssgnet_segmentation", row, tmp_path / "heart_segmentation")
    for name in ("train", "inference"):  # each stands alone
        parser = ConfigParser()
        parser.read_config([str(copy / "configs" / f"{name}.yaml")])
        assert (parser["spatial_dims"], parser["patch_size"]) == (3, [16, 16, 16])
        parser["bundle_root"] = str(copy)
        network = parser.get_parsed_content("network_def")
        network.load_state_dict(torch.load(copy / "models" / "model.pt", weights_only=True))
    assert [finding for finding in verify_bundle(copy) if finding.refusal] == []


def test_metadata_tell_the_classes_and_the_dimension(row, tmp_path):
    datalist = {"labels": {"2": "tumour", "0": "background", "1": "organ"}, "intensity_window": [0, 255]}
    (tmp_path / "run" / "data" / "datalist.json").write_text(json.dumps(datalist))
    record = {"configs": ["train", "volumes"], "settings": {"patch_size": [32, 32, 16]}}
    (row / "trained_with.json").write_text(json.dumps(record))
    copy = copy_trained("ssgnet_segmentation", row, tmp_path / "heart_segmentation")
    found = json.loads((copy / "configs" / "metadata.json").read_text())["network_data_format"]
    image, pred = found["inputs"]["image"], found["outputs"]["pred"]
    assert list(pred["channel_def"].items()) == [("0", "background"), ("1", "organ"), ("2", "tumour")]  # Slicer's order
    assert (image["num_channels"], pred["num_channels"]) == (1, 3)
    assert image["spatial_shape"] == pred["spatial_shape"] == [32, 32, 16]


def test_a_row_of_another_bundle_is_refused(row, tmp_path):
    with pytest.raises(
        ValueError, match=r"a row of ssgnet_classification, got segmentation/unet/seed0 in .*segmentation"
    ):
        copy_trained("ssgnet_classification", row, tmp_path / "copy")


def test_an_unfinished_row_is_told_and_leaves_no_copy(row, tmp_path):
    (row / "model.pt").unlink()
    with pytest.raises(FileNotFoundError, match=r"folder of a finished row, .* found no model.pt in .*seed0"):
        copy_trained("ssgnet_segmentation", row, tmp_path / "copy")
    (row / "model.pt").touch()
    (row.parents[2] / "data" / "datalist.json").unlink()
    with pytest.raises(FileNotFoundError, match="Expected the run around .*seed0, found no data/datalist.json"):
        copy_trained("ssgnet_segmentation", row, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_copy_of_three_dimensions_says_so(row, tmp_path):
    labels = {"0": "background", "1": "liver", "2": "spleen"}
    header = {"labels": labels, "classes": ["x"], "voxel_window": [-160, 240], "voxel_spacing": [1.0, 1.0, 2.0]}
    (tmp_path / "run" / "data" / "datalist.json").write_text(json.dumps(header))
    settings = {"patch_size": [32, 32, 16], "network_def#width": 2}
    (row / "trained_with.json").write_text(json.dumps({"configs": ["train", "volumes"], "settings": settings}))
    copy = copy_trained("ssgnet_segmentation", row, tmp_path / "organs_segmentation")
    files = {name: str(copy / "configs" / name) for name in ("metadata.json", "inference.yaml")}
    monai.bundle.verify_net_in_out(
        "network_def", meta_file=files["metadata.json"], config_file=files["inference.yaml"], device="cpu"
    )
    formats = json.loads((copy / "configs" / "metadata.json").read_text())["network_data_format"]
    assert formats["inputs"]["image"]["spatial_shape"] == [32, 32, 16]
    assert formats["outputs"]["pred"]["channel_def"] == labels
    config = yaml.safe_load((copy / "configs" / "inference.yaml").read_text())
    assert (config["voxel_spacing"], config["num_classes"]) == ([1.0, 1.0, 2.0], 3)
    assert [finding for finding in verify_bundle(copy) if finding.refusal] == []

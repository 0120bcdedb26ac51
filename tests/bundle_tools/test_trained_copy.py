import json

import pytest
import torch
import yaml
from monai.bundle import ConfigParser
from monai.networks.nets import UNet
from PIL import Image

from ssgnet_monai.bundle_tools.trained_copy import copy_trained, with_settings
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
    (folder / "trained_with.json").write_text(json.dumps(trained))
    torch.save(UNet(2, 1, 1, [8, 16], [2]).state_dict(), folder / "model.pt")
    return folder


def test_a_copy_predicts_and_trains_with_the_settings_of_the_run(row, tmp_path, monkeypatch):
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
    monkeypatch.setenv("MONAI_LABEL_APP_DIR", str(tmp_path))  # whose server trains without a datalist
    training = ConfigParser()
    training.read_config([str(copy / "configs" / "train.yaml")])
    training["bundle_root"] = str(copy)
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


def test_other_lines_of_a_config_stay():
    text = "a: 1   # one\nb:\n  c: [1]\n  d: x\nlast: 2 # two\n"
    assert with_settings(text, {"b#d": "$@a", "unknown": 3}) == "a: 1   # one\nb: {c: [1], d: $@a}\nlast: 2 # two\n"
    assert with_settings(text, {"a": None}) == "a: null\nb:\n  c: [1]\n  d: x\nlast: 2 # two\n"


def test_an_unfinished_row_is_told_and_leaves_no_copy(row, tmp_path):
    (row / "model.pt").unlink()
    with pytest.raises(FileNotFoundError, match=r"folder of a finished row, .* found no model.pt in .*seed0"):
        copy_trained("ssgnet_segmentation", row, tmp_path / "copy")
    (row / "model.pt").touch()
    (row.parents[2] / "data" / "datalist.json").unlink()
    with pytest.raises(FileNotFoundError, match="Expected the datalist data of the run"):
        copy_trained("ssgnet_segmentation", row, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()

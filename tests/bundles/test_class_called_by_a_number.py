"""MONAI's command line makes numbers of words like ``1``; classes and folders may be called so."""

import json

import numpy as np
import pytest
from monai.bundle import ConfigParser
from PIL import Image

from ssgnet_monai.data.prepare.folder import prepare_folder
from ssgnet_monai.shipped import BUNDLES


@pytest.mark.parametrize(("typed", "name"), [(1, "1"), ("1", "1"), ("007", "007")])
def test_a_generator_of_a_class_called_by_a_number(tmp_path, typed, name):
    for k, folder in enumerate(("1", "007")):
        (tmp_path / "2024" / "d" / folder).mkdir(parents=True)
        for i in range(6):
            noise = np.random.default_rng(10 * k + i).integers(0, 255, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / "2024" / "d" / folder / f"{folder}_{i}.png")
    prepare_folder(tmp_path / "2024" / "d", None, tmp_path / "o", classes="folders", size=16)
    parser = ConfigParser()
    parser.read_config(BUNDLES / "ssgnet_synthesis" / "configs" / "train.yaml")
    parser["class_name"], parser["dataset_dir"] = typed, str(tmp_path / "o")
    assert {item["class"] for item in parser.get_parsed_content("items")} == {name}


def test_a_folder_called_by_a_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "2024").mkdir()
    (tmp_path / "2024" / "datalist.json").write_text(json.dumps({"training": []}))
    parser = ConfigParser()
    parser.read_config(BUNDLES / "ssgnet_synthesis" / "configs" / "train.yaml")
    parser["dataset_dir"] = 2024
    assert parser.get_parsed_content("datalist")["training"] == []

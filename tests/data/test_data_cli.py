import argparse

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.cli import add_data_commands


def run(*words):
    parser = argparse.ArgumentParser()
    add_data_commands(parser.add_subparsers())
    arguments = parser.parse_args(["data", *map(str, words)])
    return arguments.handler(arguments)


def test_phantom_then_prepare_its_source(tmp_path):
    assert run("phantom", "--out", tmp_path / "p", "--num-images", 8, 4, "--size", 16) == 0
    phantom = load_datalist(tmp_path / "p")
    source = tmp_path / "p" / "source"
    words = ["--classes", source / "classes.csv", "--groups", source / "groups.csv", "--name", "again"]
    words += ["--size", 16, 24, "--split", 0.5, 0.25, 0.25, "--foreground", "spot", "--num-channels", 1]
    assert (
        run("prepare", "--images", source / "images", "--masks", source / "masks", "--out", tmp_path / "q", *words) == 0
    )
    again = load_datalist(tmp_path / "q")
    assert again["classes"] == phantom["classes"]
    assert again["image_size"] == [16, 24]
    assert again["num_channels"] == 1
    assert again["labels"]["1"] == "spot"
    assert len(again["training"]) < len(phantom["training"])
    assert {item["group"] for item in again["training"]} <= {f"patient_{i:04d}" for i in range(12)}


def test_three_sizes_are_refused(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"--size HEIGHT WIDTH, got \[1, 2, 3\]"):
        run("prepare", "--images", tmp_path, "--out", tmp_path / "o", "--size", 1, 2, 3)


def test_an_option_that_is_no_yaml_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"Expected YAML in pixels, got .*needs quotes"):
        run("prepare", "breastmnist", "pixels={28", "--source", tmp_path, "--out", tmp_path / "o")

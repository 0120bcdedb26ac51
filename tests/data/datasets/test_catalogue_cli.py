import argparse
import json

import pytest

from ssgnet_monai.data.datasets import adapters
from ssgnet_monai.data.datasets.adapter import Adapter
from ssgnet_monai.data.datasets.catalogue_cli import add_catalogue

TOY = Adapter("toy", ("segmentation",), "MR", "3 images", "CC0", "https://toy.org", lambda source, staging: [])


def run(*words):
    parser = argparse.ArgumentParser()
    add_catalogue(parser.add_subparsers())
    arguments = parser.parse_args(list(map(str, words)))
    return arguments.handler(arguments)


def test_list_tells_every_dataset(capsys):
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "task", "modality", "download", "licence"]
    assert [line.split()[0] for line in lines[1::3]] == sorted(adapters())
    assert run("list", "--json") == 0
    records = {record["name"]: record for record in json.loads(capsys.readouterr().out)}
    assert sorted(records) == sorted(adapters())
    assert records["chest_xray"]["files"][0]["size"] == 1_235_512_464
    assert "classes" in records["chest_xray"]["options"]


def test_what_cannot_be_downloaded_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("ssgnet_monai.data.datasets.find_adapter", lambda name: TOY)
    assert run("download", "toy", "--out", tmp_path / "out") == 1
    assert "Its owner's page: https://toy.org" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_unknown_names_of_datasets_and_files(tmp_path):
    with pytest.raises(ValueError, match="Did you mean 'chest_xray'"):
        run("download", "chest-xray", "--out", tmp_path)
    with pytest.raises(ValueError, match=r"Expected files \['ChestXRay2017.zip'\] of chest_xray, got 'x.zip'"):
        run("download", "chest_xray", "--out", tmp_path, "--files", "x.zip")

"""What docs/datasets.md and configs/datasets say of the adapters."""

import argparse
import re
import shlex
from pathlib import Path

import pytest
import yaml

from ssgnet_monai.data.cli import add_data_commands
from ssgnet_monai.data.datasets import adapters, find_adapter
from ssgnet_monai.data.datasets.registry import adapter_options
from ssgnet_monai.pipeline.experiment import load_experiment

REPOSITORY = Path(__file__).resolve().parents[3]
PAGE = (REPOSITORY / "docs" / "datasets.md").read_text(encoding="utf-8")
ROWS = [re.split(r"(?<!\\)\|", line)[1:-1] for line in PAGE.splitlines() if line.startswith("| `")]
OPTIONS_OF = {name: row[2] for row in ROWS for name in re.findall(r"`(\w+)`", row[0])}
BLOCKS = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line]
SETTINGS = {
    path.name: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((REPOSITORY / "configs" / "datasets").glob("*.yaml"))
}


def parse(command):
    words = shlex.split(command, comments=True)
    assert words[:2] == ["ssgnet", "data"]
    parser = argparse.ArgumentParser()
    add_data_commands(parser.add_subparsers())
    return parser.parse_args(words[1:])


def test_every_adapter_has_one_row():
    assert sorted(OPTIONS_OF) == sorted(adapters())
    assert sorted(name for row in ROWS for name in re.findall(r"`(\w+)`", row[0])) == sorted(OPTIONS_OF)


def test_every_option_is_told():
    for name, adapter in adapters().items():
        told = {word.partition("=")[0] for word in re.findall(r"`([^`]+)`", OPTIONS_OF[name])}
        assert sorted(told) == adapter.read_options, name


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command):
    words = shlex.split(command, comments=True)
    if words[:2] == ["ssgnet", "run"]:
        assert load_experiment(REPOSITORY / words[2], words[3:])["segmentation"]
        return
    arguments = parse(command)
    if arguments.data_command == "download":
        names = {file.name for file in find_adapter(arguments.dataset).files}
        assert names >= set(arguments.files)
        assert names
    elif arguments.data_command == "prepare":
        given = {word.partition("=")[0] for word in arguments.overrides}
        assert given <= set(find_adapter(arguments.dataset).read_options)


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_datasets_are_options_of_their_adapters(name):
    settings = SETTINGS[name]
    if (dataset := settings["dataset_name"]) in adapters():
        assert set(settings.get("prepare", {})) <= set(adapter_options(find_adapter(dataset)))


def test_every_adapter_of_a_file_of_its_own_has_settings():
    shared = {name for name in adapters() if name.endswith("mnist")} - {"breastmnist"}
    assert set(adapters()) - shared <= {settings["dataset_name"] for settings in SETTINGS.values()}

"""Configs that would run code, each by another way, are refused; nothing of them is evaluated."""

import json
from pathlib import Path

import pytest

from ssgnet_monai.bundle_tools.config_screen import screen_config

HOSTILE = {
    "shell": ("a: {_target_: os.system, command: id}", "a::_target_", "os is none of the packages"),
    "builtin": ("a: {_target_: builtins.eval, source: '1'}", "a::_target_", "builtins is none of the packages"),
    "bare builtin": ("a: {_target_: eval}", "a::_target_", "no public name of MONAI"),
    "through torch": ("a: {_target_: torch.os.system}", "a::_target_", "not among the names of torch"),
    "deep": ("a: {_target_: torch.nn.modules.torch.load}", "a::_target_", "not among the names of torch"),
    "hub": ("a: {_target_: torch.hub.load, repo_or_dir: x}", "a::_target_", "not among the names of torch"),
    "pickle": ("a: {_target_: torch.load, f: x.pt}", "a::_target_", "not among the names of torch"),
    "serialization": ("a: {_target_: torch.serialization.load}", "a::_target_", "not among the names of torch"),
    "second bundle": ("a: {_target_: monai.bundle.run}", "a::_target_", "not among the names of monai"),
    "bare parser": ("a: {_target_: ConfigWorkflow}", "a::_target_", "no public name of MONAI"),
    "bare helper": ("a: {_target_: run_cmd}", "a::_target_", "no public name of MONAI"),
    "own pipeline": ("a: {_target_: ssgnet_monai.pipeline.run.subprocess.run}", "a::_target_", "of ssgnet_monai"),
    "own internals": ("a: {_target_: ssgnet_monai.data.datalist.json}", "a::_target_", "of ssgnet_monai"),
    "scripts": ("a: {_target_: scripts.network.Net}", "a::_target_", "scripts is none of the packages"),
    "private": ("a: {_target_: torch.nn._reduction}", "a::_target_", "underscores"),
    "target by reference": ("b: os.system\na: {_target_: '@b'}", "a::_target_", "not a plain dotted name"),
    "target by macro": ("b: os.system\na: {_target_: '%b'}", "a::_target_", "not a plain dotted name"),
    "target by expression": ("a: {_target_: \"$'os' + '.system'\"}", "a::_target_", "not a plain dotted name"),
    "target by long key": ("a#b#_target_: os.system", "a::b::_target_", "os is none"),
    "target by merge": ("+a: {_target_: os.system}", "a::_target_", "os is none"),
    "target in a list of lists": ("a: [[{_target_: os.system}]]", "a::0::0::_target_", "os is none"),
    "target by alias": ("a: &x {_target_: os.system}\nb: {<<: *x}", "b::_target_", "os is none"),
    "reader": ("a: {_target_: LoadImaged, keys: image, reader: subprocess.run}", "a::reader", "subprocess is none"),
    "reader in a list": ("a: {_target_: LoadImage, reader: [PILReader, eval]}", "a::reader::1", "no public name"),
    "reader by reference": ("a: {_target_: LoadImage, reader: '@b'}", "a::reader", "not a plain dotted name"),
    "writer": ("a: {_target_: SaveImage, writer: os.system}", "a::writer", "os is none"),
    "expression": ("a: $__import__('os').system('id')", "a", "the attribute system"),
    "requirement": ("a: {_target_: UNet, _requires_: \"$exec('x')\"}", "a::_requires_", "calling exec"),
    "requirements": ("a: {_target_: UNet, _requires_: [1, \"$exec('x')\"]}", "a::_requires_::1", "calling exec"),
    "switch": ("a: {_target_: UNet, _disabled_: \"$open('x')\"}", "a::_disabled_", "calling open"),
    "debugger": ("a: {_target_: UNet, _mode_: debug}", "a::_mode_", "default or callable"),
    "computed mode": ("a: {_target_: UNet, _mode_: '@m'}", "a::_mode_", "default or callable"),
    "breakpoint": ("a: {_target_: UNet, _debug_: true}", "a::_debug_", "debugger"),
    "pickled arrays": ("a: {_target_: NumpyReader, allow_pickle: true}", "a::allow_pickle", "run what it reads"),
    "pickled cache": ("a: {_target_: PersistentDataset, weights_only: false}", "a::weights_only", "run what it reads"),
    "import": ("imports: [$import subprocess]", "imports::0", "importing subprocess is not"),
    "import elsewhere": ("a: $import torch\nb: '$@a.run()'", "a", "belongs into the list `imports`"),
    "import by reference": ("imports: [$import torch]\na: $@imports#0.run", "a", "hands on a whole package"),
    "import passed on": ("imports: [$import torch]\na: '@imports::0'", "a", "hands on a whole package"),
    "import by macro": ("imports: [$import torch]\na: '%imports#0'", "a", "a macro that copies an import"),
    "relative import": ("imports: [$import torch]\na: {b: $@##imports#0.run}", "a::b", "hands on a whole package"),
    "macro from a file": ("a: '%/etc/other.json::b'", "a", "another file"),
    "key with code": ("\"a']+x+['\": {b: $@#c}", "a']+x+['", "a key may hold"),
    "python tag": ("a: !!python/object/apply:os.system [id]", "", "does not read as plain data: could not determine"),
    "key given twice": ("a: 1\na: $exec('x')", "", "the key 'a' is given twice"),
    "two documents": ("a: 1\n---\na: $exec('x')", "", "expected a single document"),
    "endless alias": ("a: &a [*a]", "", "nested deeper"),
    "alias bomb": (
        "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 'x'}]" for i in range(9)),
        "",
        "unf",
    ),
}


def screen(tmp_path: Path, text: str, name: str = "config.yaml") -> list[tuple[str, str, str | None]]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return [(f.id, f.text, f.refusal) for f in screen_config(tmp_path / name)]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_configs_are_refused_at_their_place(tmp_path, name):
    text, place, reason = HOSTILE[name]
    refused = {id_: refusal for id_, _, refusal in screen(tmp_path, text) if refusal}
    assert place in refused, refused
    assert reason in refused[place]


def test_json_is_read_too_in_any_case_of_its_ending(tmp_path):
    hostile = json.dumps({"a": {"b": ["$exec('x')"]}})
    assert [(id_, text) for id_, text, _ in screen(tmp_path, hostile, "a.JSON")] == [("a::b::0", "$exec('x')")]
    (_, _, reason), *_ = screen(tmp_path, '{"a": 1, "a": 2}', "b.json")
    assert "given twice" in reason


def test_what_a_config_needs_passes_and_is_listed(tmp_path):
    text = """
imports: [$import ssgnet_monai]
a: {_target_: UNet, _disabled_: $not @flag, channels: [1, 2], _mode_: callable}
b: '%a::channels'
c: '@a'
d: {_target_: PersistentDataset, weights_only: true}
e: plain text with a $ and an @
"""
    found = {id_: refusal for id_, _, refusal in screen(tmp_path, text)}
    assert set(found) == {"imports::0", "a::_target_", "a::_disabled_", "b", "d::_target_"}
    assert set(found.values()) == {None}

"""The examples of every exported name and of docs/python.md run, in a folder that holds what they name."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.networks.nets import UNet
from PIL import Image

import ssgnet_monai
from ssgnet_monai.data import datalist_sha256, write_phantom
from ssgnet_monai.data.atomic_write import write_json
from tests.api.test_generator import finished_generator
from tests.api.test_segmenter import NETWORK, finished_row

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """The present folder, with pictures, a prepared phantom, a trained segmenter and a trained generator."""
    monkeypatch.chdir(tmp_path)
    write_phantom("data/phantom", num_images=(12, 8), size=32)
    Path("pictures").mkdir()
    for name in ("images", "masks"):
        Path(f"data/phantom/source/{name}").rename(f"pictures/{name}")
    Image.fromarray(np.zeros((40, 28, 3), np.uint8)).save("picture.png")
    settings = {"image_size": 32, "num_channels": 3, "network_def": NETWORK}
    finished_row(Path("runs/demo"), 2, UNet(2, 3, 1, [4, 8], [2]), settings)
    finished_generator(Path("runs/demo"), [])
    images = Path("generators/irregular/images")
    images.mkdir(parents=True)
    provenance = {
        "origin": "synthetic",
        "generator_sha256": "f" * 64,
        "datalist_sha256": datalist_sha256("data/phantom"),
    }
    for seed in range(12):
        (images / f"{seed}.png").write_bytes(b"x")
    entries = [{"image": f"images/{s}.png", "class": "irregular", "seed": s, **provenance} for s in range(12)]
    write_json(images.parent / "synthetic.json", {"unlabeled": entries})


@pytest.mark.parametrize("name", sorted(ssgnet_monai.EXPORTED))
def test_an_example_of_each_exported_name(name, workplace):
    thing = getattr(ssgnet_monai, name)
    names = {**vars(sys.modules[thing.__module__]), name: thing, "torch": torch}
    found = [test for test in doctest.DocTestFinder(recurse=False).find(thing, name, globs=names) if test.examples]
    assert found, f"{name} has no example"
    for test in found:
        assert doctest.DocTestRunner().run(test).failed == 0


def test_the_page(workplace, capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    names: dict = {}
    for block in blocks:
        exec(block, names)
    assert names["mask"].shape == (40, 28)
    named = set(re.findall(r"ssgnet\.(\w+)", "".join(blocks)))
    assert named <= set(ssgnet_monai.EXPORTED)


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, ssgnet_monai; dir(ssgnet_monai); print(sorted({'torch', 'monai', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_subpackages_are_attributes():
    for name in ssgnet_monai.SUBPACKAGES:
        assert getattr(ssgnet_monai, name).__name__ == f"ssgnet_monai.{name}"
    assert {*ssgnet_monai.SUBPACKAGES, *ssgnet_monai.EXPORTED} <= set(dir(ssgnet_monai))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ssgnet_monai.nothing

"""Every command of the README, run in its order with small budgets."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ssgnet_monai.data.phantom import write_phantom
from tests.watched import Watch

REPOSITORY = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(r"```bash\n(.*?)```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line and not line.startswith("#")]
MAKE = ["make demo", "make test"]
SMALL = {
    "ssgnet run": ["budget=0.005", "synthesis.images=12", "image_size=32"],
    "ssgnet estimate": ["image_size=32"],
    "ssgnet data phantom": ["--num-images", "28", "12"],
    "synthesis/configs/train.yaml": ["--kimg", "0.064", "--tick_kimg", "0.032", "--channel_max", "8"],
    "synthesis/configs/inference.yaml": ["--num_images", "12", "--channel_max", "8"],
    "segmentation/configs/train.yaml": ["--steps", "4", "--epoch_length", "2", "--num_labeled", "12"],
}

pytestmark = pytest.mark.slow


def test_the_two_commands_are_there():
    assert COMMANDS[:2] == MAKE
    for target in ("demo", "test"):
        assert re.search(rf"^{target}:", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)


def small(command: str) -> list[str]:
    words = shlex.split(command)
    for key, extra in SMALL.items():
        if key in command:
            for flag in extra[::2] if extra[0].startswith("--") and extra[0] != "--num-images" else []:
                if flag in words:  # a flag given twice would be refused
                    del words[words.index(flag) : words.index(flag) + 2]
            words += extra
    return words


def test_every_other_command_works_in_order(tmp_path):
    (tmp_path / "bundles").symlink_to(REPOSITORY / "bundles")
    (tmp_path / "configs").symlink_to(REPOSITORY / "configs")
    write_phantom(tmp_path / "drawn", (20, 8), size=32)
    (tmp_path / "drawn" / "source").rename(tmp_path / "FOLDER")  # images/ and masks/, as a user has them
    (tmp_path / "FOLDER" / "unlabeled").mkdir()
    for mask in sorted((tmp_path / "FOLDER" / "masks").iterdir())[::6]:  # some that nobody has labelled
        name = mask.name.replace("_segmentation", "")
        (tmp_path / "FOLDER" / "images" / name).rename(tmp_path / "FOLDER" / "unlabeled" / name)
        mask.unlink()
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    (tmp_path / "calls").mkdir()
    watch = Watch(tmp_path / "calls")
    for command in COMMANDS[2:]:
        words = watch(small(command))
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert (tmp_path / "runs" / "folder" / "report.html").exists()
    for prepared in (tmp_path / "runs" / "folder" / "data", tmp_path / "data" / "mine"):
        assert json.loads((prepared / "datalist.json").read_text())["unlabeled"]
    assert (tmp_path / "runs" / "irregular" / "metrics.json").exists()
    assert (tmp_path / "runs" / "rounds" / "metrics.json").exists()
    masks = len(list((tmp_path / "runs" / "masks").glob("*.png")))
    assert masks == len(list((tmp_path / "data" / "phantom" / "images").glob("*.png"))) > 0
    assert watch.foreign() == {}

"""Every command of docs/slicer.md, run in its order with small budgets; what Slicer does in between, by its client."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.phantom import write_phantom
from tests.label.conftest import STARTS, answers
from tests.watched import Watch, interrupt

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "slicer.md").read_text(encoding="utf-8")
COMMANDS = [line.strip() for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
COMMANDS = [line for line in COMMANDS if line]
SMALL = {  # a tick that is given is shortened by the budget too
    "ssgnet run": [
        "budget=0.005",
        "image_size=32",
        "synthesis.images=12",
        "synthesis.config.tick_kimg=1",
        "segmentation.unet.config.num_rounds=1",
    ],
    "monai.bundle run": ["--steps", "4", "--epoch_length", "2", "--num_rounds", "1"],
}
WITH_ENVIRONMENT = tuple(f"ssgnet label {name}" for name in ("setup", "check", "start", "review"))
SERVERS = ("ssgnet label start", "ssgnet label review --pool")

pytestmark = pytest.mark.slow


@pytest.fixture
def words_of(label_environment):
    """The words of a command of the page, with a small budget and in this test's environment."""

    def change(command, port):
        words = shlex.split(command.replace(":8000/", f":{port}/").replace("curl", "curl --fail-with-body"))
        for key, extra in SMALL.items():
            words += extra if key in command else []
        words += ["--env", str(label_environment)] if command.startswith(WITH_ENVIRONMENT) else []
        return words + (["--port", str(port)] if command.startswith(SERVERS) else [])

    return change


def test_every_command_works_in_order(tmp_path, words_of, slicer):
    for folder in ("bundles", "configs"):
        (tmp_path / folder).symlink_to(REPOSITORY / folder)
    write_phantom(tmp_path / "drawn", (16, 8), size=32)
    (tmp_path / "drawn" / "source").rename(tmp_path / "FOLDER")  # images/ and masks/, as a user has them
    (tmp_path / "STUDIES").mkdir()
    for path in sorted((tmp_path / "FOLDER" / "images").iterdir())[:3]:
        Image.open(path).resize((48, 40)).save(tmp_path / "STUDIES" / path.name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = slicer.MONAILabelClient(f"http://127.0.0.1:{port}", str(tmp_path))
    clicks = {SERVERS[0]: label_one, SERVERS[1]: review_two}
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    (tmp_path / "calls").mkdir()
    watch = Watch(tmp_path / "calls")

    def run(command):
        words = watch(words_of(command, port))
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"

    asked = [command for command in COMMANDS if command.startswith("curl")]
    for command in [command for command in COMMANDS if command not in asked]:
        if not command.startswith(SERVERS):
            run(command)
            continue
        with running(watch(words_of(command, port)), tmp_path, environment, port):
            clicks[next(name for name in SERVERS if command.startswith(name))](client, tmp_path)
            while command.startswith(SERVERS[0]) and asked:
                run(asked.pop(0))
    assert len(list((tmp_path / "STUDIES" / "labels" / "original").iterdir())) == 2
    datalist = load_datalist(tmp_path / "reviewed")
    assert sum(item.get("reviewed", False) for item in datalist["training"]) == 1
    assert len(datalist["review"]["dropped"]) == 1
    assert (tmp_path / "runs" / "reviewed" / "rounds.json").exists()
    asked = [command for command in watch.foreign() if not command.startswith("ssgnet label setup")]  # which installs
    assert asked == []


@contextmanager
def running(words, folder, environment, port):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background, and then inherited
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=log)
    signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + STARTS
    try:
        while not answers(port):
            assert process.poll() is None, (folder / "server.log").read_text()
            assert time.monotonic() < deadline, (folder / "server.log").read_text()
            time.sleep(0.5)
        yield
    finally:
        interrupt(process)
        process.wait(60)
    assert not answers(port)
    assert "the server ends; labels and models are on disk" in (folder / "server.log").read_text()


def label_one(client, folder):
    (model,) = client.info()["models"]
    assert model == "lesion_segmentation"
    sample = client.next_sample("disagreement", {})
    file, _ = client.infer(model, sample["id"], {"result_extension": ".nrrd", "result_dtype": "uint8"})
    client.save_label(sample["id"], file, tag="final", params={})
    assert client.info()["datastore"]["completed"] == 1
    assert len(list((folder / "STUDIES" / "labels" / "final").iterdir())) == 1


def review_two(client, folder):
    file, params = client.infer("pseudo_labels", client.next_sample("first", {})["id"], {})
    assert params["label_names"] == {"lesion": 1}
    mask = np.zeros_like(np.asarray(Image.open(file)))
    for drawn in (1, 0):
        mask[2:9, 2:9] = drawn
        Image.fromarray(mask).save(folder / "drawn.png")
        client.save_label(client.next_sample("first", {})["id"], str(folder / "drawn.png"), tag="final", params={})

"""A real MONAI Label server with small bundles; ``make test-label`` makes the environment that it needs."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
import torch
import yaml
from monai.networks.nets import UNet
from PIL import Image

from ssgnet_monai.label_app.environment import READY, default_environment
from ssgnet_monai.networks import ImageClassifier
from ssgnet_monai.shipped import BUNDLES
from tests.volume_files import ct, write

SEGMENTER, CLASSIFIER = "ssgnet_segmentation", "ssgnet_classification"
UNET = {"_target_": "UNet", "spatial_dims": 2, "in_channels": 3, "out_channels": 1, "channels": [8, 16], "strides": [2]}
STARTS = 300
HEIGHT, WIDTH = 60, 97


@pytest.fixture(scope="session")
def label_environment() -> Path:
    folder = Path(os.environ.get("SSGNET_LABEL_ENV") or default_environment())
    if not (folder / READY).exists():
        pytest.skip(f"no environment of MONAI Label in {folder}: run `make test-label`")
    return folder


@pytest.fixture(scope="session")
def slicer(label_environment: Path) -> Any:
    """The client file of 3D Slicer's MONAI Label extension."""
    path = label_environment / "monailabel" / "plugins" / "slicer" / "MONAILabel" / "MONAILabelLib" / "client.py"
    spec = importlib.util.spec_from_file_location("slicer_client", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_bundle(root: Path, kind: str = "segmentation", classes: Sequence[str] = ("lesion",), **settings: Any) -> Path:
    """A copy of a shipped bundle with a small network and its weights; ``settings`` replace keys of its configs.

    Args:
        root: folder of bundles.
        kind: segmentation or classification.
        classes: of the segmenter, without the background.
        settings: values by key.
    """
    name = SEGMENTER if kind == "segmentation" else CLASSIFIER
    shutil.copytree(BUNDLES / name, root / name)
    small: dict[str, Any] = {"image_size": 32, "batch_size": 4, "steps": 20, "epoch_length": 10}
    if kind == "segmentation":
        names = ["background", *classes]
        logits = 1 if len(names) == 2 else len(names)
        small |= {"network_def": {**UNET, "out_channels": logits}, "num_classes": len(names), "label_names": names}
        name_channels(root / name, names)
        torch.manual_seed(0)
        network: torch.nn.Module = UNet(2, 3, logits, [8, 16], [2])
    else:
        small |= {"architecture": "test_resnet", "small_images": False}
        network = ImageClassifier("test_resnet", 2)
    for config in ("train.yaml", "inference.yaml"):
        path = root / name / "configs" / config
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        given = small if config == "inference.yaml" else {k: v for k, v in small.items() if k != "num_classes"}
        content |= {key: value for key, value in (given | settings).items() if key in content}
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    (root / name / "models").mkdir()
    torch.save(network.state_dict(), root / name / "models" / "model.pt")
    return root / name


def name_channels(bundle: Path, names: Sequence[str]) -> None:
    """Name the classes in a bundle's metadata, as ``copy_trained`` does."""
    path = bundle / "configs" / "metadata.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))
    channels = {str(number): name for number, name in enumerate(names)}
    metadata["network_data_format"]["outputs"]["pred"]["channel_def"] = channels
    path.write_text(json.dumps(metadata), encoding="utf-8")


def draw_studies(folder: Path, pictures: int = 4, volumes: int = 2) -> Path:
    """Pictures (RGB PNG, grey JPEG) that are not square, with one bright, off-centre rectangle, and volumes."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(pictures):
        values = np.random.default_rng(index).integers(0, 80, (HEIGHT, WIDTH, 3), np.uint8)
        values[picture_mask(index)] = 220
        Image.fromarray(values).save(folder / f"rgb{index}.png")
        Image.fromarray(values[..., 0]).save(folder / f"grey{index}.jpg", quality=95)
    for index in range(volumes):
        write(folder / f"volume{index}.nii.gz", ct(index, (40, 30, 6)))
    return folder


def picture_mask(index: int = 0) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[5:30, 60 + index : 90] = True
    return mask


@pytest.fixture(scope="session")
def serve(label_environment: Path, slicer: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """``with serve(bundles, studies) as server``: client, process, log and address of a server that has started."""

    @contextmanager
    def start(
        bundles: list[Path], studies: Path | str | None, *options: str, command: str = "start"
    ) -> Iterator[SimpleNamespace]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        root = bundles[0].parent if bundles else tmp_path_factory.mktemp("log")
        log = root / f"server_{port}.log"
        words = ["label", command, "--env", str(label_environment), "--port", str(port), *options]
        if bundles:
            words += ["--bundle", *map(str, bundles), "--studies", str(studies)]
        with open(log, "wb") as file:
            process = psutil.Popen([sys.executable, "-m", "ssgnet_monai.cli", *words], stdout=file, stderr=file)
        client = slicer.MONAILabelClient(f"http://127.0.0.1:{port}", str(root))
        try:
            deadline = time.monotonic() + STARTS
            while not answers(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.5)
            yield SimpleNamespace(client=client, process=process, log=log, url=f"http://127.0.0.1:{port}")
        finally:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
            try:
                process.wait(60)
            except psutil.TimeoutExpired:
                process.kill()

    return start


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def slicer_options(client: Any, model: str, **changed: Any) -> dict[str, Any]:
    """What Slicer's table of options sends to train: the first of each list."""
    config = client.info()["trainers"][model]["config"]
    chosen = {name: value[0] if isinstance(value, list) else value for name, value in config.items()}
    return {**chosen, "device": "cpu", **changed}


def wait_for_training(client: Any, seconds: float = 240) -> dict[str, Any]:
    """The status of the last training when it has ended."""
    deadline = time.monotonic() + seconds
    while (status := client.train_status())["status"] in ("SUBMITTED", "RUNNING"):
        assert time.monotonic() < deadline, status
        time.sleep(0.5)
    return status


def post(slicer: Any, server: Any, path: str, body: dict[str, Any]) -> Any:
    """The answer to what Slicer has no button for; scoring waits for the one that the server began by itself."""
    deadline = time.monotonic() + 120
    while True:
        status, reply, *_ = slicer.MONAILabelUtils.http_method("POST", server.url, path, body)
        if status == 200:
            return json.loads(reply)
        assert status == 429, server.log.read_text()[-6000:]
        assert time.monotonic() < deadline, reply
        time.sleep(0.5)

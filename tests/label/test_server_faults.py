"""Faults: each ends in an error that says what is wrong, and the server and the files are as before."""

from __future__ import annotations

import shutil
import time
import urllib.error
import urllib.request
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.label.conftest import CLASSIFIER, SEGMENTER, draw_studies, make_bundle, picture_mask, wait_for_training

pytestmark = pytest.mark.slow
PROXY = "https://label.hospital"


@pytest.fixture(scope="module")
def server(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("server")
    bundles = [make_bundle(root / "bundles", epoch_length=2), make_bundle(root / "bundles", "classification")]
    studies = draw_studies(root / "studies", 2, 1)
    with serve(bundles, studies, "--origin", PROXY) as running:
        yield SimpleNamespace(**vars(running), root=root, studies=studies, bundles=bundles)


def refused(server: Any, slicer: Any, model: str, image: str) -> str:
    with pytest.raises(slicer.MONAILabelClientException) as error:
        server.client.infer(model, image, {})
    assert server.client.info()["models"]  # it still serves
    return f"{error.value} {server.log.read_text()[-6000:]}"


def save_label(server: Any, image: str) -> None:
    Image.fromarray(picture_mask().astype(np.uint8)).save(server.root / "label.png")
    server.client.save_label(image, str(server.root / "label.png"), tag="final", params={})


def test_an_unknown_model(server: Any, slicer: Any) -> None:
    assert "There is no model 'nnunet'" in refused(server, slicer, "nnunet", "rgb0")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "{own}"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example", "Host": "evil.example"}, 403),  # a name that was turned to 127.0.0.1
        ({"Host": "evil.example:8000"}, 403),
        ({"Origin": PROXY}, 200),
        ({"Origin": PROXY, "Host": "label.hospital"}, 200),
        ({"Origin": "http://evil.example", "Host": "label.hospital"}, 403),
    ],
)
def test_pages_of_other_origins_may_not_ask(server: Any, headers: dict[str, str], status: int) -> None:
    headers = {name: value.format(own=server.url) for name, value in headers.items()}
    request = urllib.request.Request(f"{server.url}/info/", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            found = reply.status
    except urllib.error.HTTPError as error:
        found = error.code
    assert found == status


def test_a_corrupt_upload(server: Any, slicer: Any) -> None:
    whole = (server.studies / "rgb0.png").read_bytes()
    (server.root / "broken.png").write_bytes(whole[: len(whole) // 2])
    server.client.upload_image(str(server.root / "broken.png"), "broken")
    assert "Expected a readable picture, got" in refused(server, slicer, SEGMENTER, "broken")
    (server.studies / "broken.png").unlink()


def test_a_picture_of_a_hundred_megapixels(server: Any, slicer: Any) -> None:
    Image.new("L", (10_000, 10_000)).save(server.root / "huge.png", compress_level=1)
    server.client.upload_image(str(server.root / "huge.png"), "huge")
    before = memory(server)
    said = refused(server, slicer, SEGMENTER, "huge")
    assert "at most 64 megapixels, got 10000x10000" in said
    assert memory(server) - before < 100e6
    (server.studies / "huge.png").unlink()


def memory(server: Any) -> int:
    processes = [server.process, *server.process.children(recursive=True)]
    return sum(process.memory_info().rss for process in processes)


def test_a_volume_for_a_classifier(server: Any, slicer: Any) -> None:
    assert "Expected 'axis' and 'slice' beside a volume" in refused(server, slicer, CLASSIFIER, "volume0")


def test_training_without_labels_says_so(server: Any) -> None:
    server.client.train_start(SEGMENTER, {"device": "cpu", "max_epochs": 1})
    status = wait_for_training(server.client)
    assert status["status"] == "ERROR"
    assert "Expected at least one training item" in server.log.read_text()


def test_training_is_stopped_and_begins_again(server: Any) -> None:
    save_label(server, "rgb0")
    model = server.bundles[0] / "models" / "model.pt"
    server.client.train_start(SEGMENTER, {"device": "cpu", "val_split": 0.0, "max_epochs": 100_000})
    wait_for_steps(server)
    before = model.read_bytes()
    server.client.train_stop()
    assert server.client.train_status()["status"] == "STOPPED"
    assert model.read_bytes() == before
    server.client.train_start(SEGMENTER, {"device": "cpu", "val_split": 0.0, "max_epochs": 1})
    assert wait_for_training(server.client)["status"] == "DONE"
    assert model.read_bytes() != before


def wait_for_steps(server: Any, seconds: float = 120) -> None:
    checkpoints = server.bundles[0] / "output" / "state" / "train"
    deadline = time.monotonic() + seconds
    while not list(checkpoints.glob("checkpoint_*.pt")):
        assert time.monotonic() < deadline, server.log.read_text()[-3000:]
        time.sleep(0.2)


def test_a_server_killed_during_training_starts_again(serve: Any, server: Any) -> None:
    """Nothing asks the killed one afterwards."""
    save_label(server, "rgb0")
    shutil.rmtree(server.bundles[0] / "output")
    server.client.train_start(SEGMENTER, {"device": "cpu", "val_split": 0.0, "max_epochs": 100_000})
    wait_for_steps(server)
    for process in [*server.process.children(recursive=True), server.process]:
        process.kill()
    psutil.wait_procs([server.process])
    with serve(server.bundles, server.studies) as second:
        assert second.client.info()["datastore"]["completed"] == 1
        second.client.train_start(SEGMENTER, {"device": "cpu", "val_split": 0.0, "max_epochs": 1})
        assert wait_for_training(second.client)["status"] == "DONE"
        second.client.infer(SEGMENTER, "rgb0", {})

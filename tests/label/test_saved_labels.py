"""Saved labels: checked, never lost, with a way back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.label_app import label_history
from tests.label.conftest import draw_studies, make_bundle, picture_mask

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("server")
    bundle, studies = make_bundle(root / "bundles"), draw_studies(root / "studies", 3, 1)
    (studies / label_history.INDEX).write_text('{"name": "cut')
    with serve([bundle], studies) as running:
        yield SimpleNamespace(**vars(running), root=root, studies=studies)


def drawn(path: Path, mask: np.ndarray) -> str:
    """A mask as Slicer saves it: a volume of one slice."""
    if path.suffix == ".png":
        Image.fromarray(mask.astype(np.uint8)).save(path)
    else:
        nibabel.save(nibabel.Nifti1Image(mask.astype(np.uint8).T[..., None], np.diag([-1.0, -1, 1, 1])), path)
    return str(path)


def final(server: Any) -> list[str]:
    return sorted(path.name for path in (server.studies / "labels" / "final").iterdir())


def test_a_damaged_index_is_set_aside(server: Any) -> None:
    assert server.client.info()["datastore"]["total"] == 7
    assert len(list(server.studies.glob("datastore_v2.damaged-*.json"))) == 1
    assert "could not be read and is datastore_v2.damaged-" in server.log.read_text()


def test_what_cannot_train_is_refused_with_a_reason(server: Any, slicer: Any) -> None:
    (server.root / "empty.nii.gz").touch()
    (server.root / "garbage.nii.gz").write_bytes(b"12345")
    two = picture_mask().astype(np.uint8)
    two[:3] = 2
    drawn(server.root / "small.nii.gz", picture_mask()[:-1])
    drawn(server.root / "two.nii.gz", two)
    drawn(server.root / "small.png", picture_mask()[:-1])
    drawn(server.root / "picture.png", picture_mask())
    (server.root / "label.exe").write_bytes(b"MZ")
    for image, file, said in (
        ("rgb0", "empty.nii.gz", "got an empty file"),
        ("rgb0", "garbage.nii.gz", "Expected a mask that fits rgb0.png, got one that training cannot use"),
        ("rgb0", "small.nii.gz", "Expected a mask of one slice of (60, 97) pixels"),
        ("rgb0", "small.png", "Expected (60, 97) pixels (height, width), got (59, 97)"),
        ("rgb0", "two.nii.gz", "Expected one segment, got several (values 1 to 2)"),
        ("volume0", "picture.png", "Expected a NIfTI or NRRD mask for a volume"),
        ("rgb0", "label.exe", "Expected a file that ends in one of"),
        ("nobody", "picture.png", "Expected the name of a study"),
    ):
        with pytest.raises(slicer.MONAILabelClientException) as error:
            server.client.save_label(image, str(server.root / file), tag="final", params={})
        assert said in error.value.msg
    assert server.client.info()["datastore"]["completed"] == 0
    assert final(server) == []


def test_earlier_labels_are_kept_and_come_back(server: Any, slicer: Any) -> None:
    client = server.client
    first, second = picture_mask(0), picture_mask(3)
    client.save_label("rgb1", drawn(server.root / "one.png", first), tag="final", params={"client_id": "x"})
    other = slicer.MONAILabelClient(server.url, str(server.root), client_id="Dr. B")
    answer = other.save_label("rgb1", drawn(server.root / "one.nii.gz", second), tag="final", params={})
    assert "replaces the label that unknown saved; it is in labels/history/rgb1" in answer["warning"]
    assert answer["warning"] in server.log.read_text()
    assert final(server) == ["rgb1.nii.gz"]  # the one of another ending has gone
    (kept,) = label_history.versions(server.studies)
    np.testing.assert_array_equal(np.asarray(Image.open(kept)) > 0, first)
    answer = other.save_label("rgb1", drawn(server.root / "one.nii.gz", first), tag="final", params={})
    assert "note" in answer  # one's own
    kept_by = sorted(path.name.split("_", 1)[1] for path in label_history.versions(server.studies, "rgb1"))
    assert kept_by == ["Dr--B.nii.gz", "unknown.png"]

    listed = label_command("history", "--studies", str(server.studies))
    assert "rgb1" in listed
    assert kept.name in listed
    label_command("restore", "--studies", str(server.studies), "rgb1", kept.name)
    assert final(server) == ["rgb1.png"]
    file = client.download_label("rgb1", "final")  # the running server knows it
    np.testing.assert_array_equal(np.asarray(Image.open(file)) > 0, first)
    index = json.loads((server.studies / label_history.INDEX).read_text())
    assert index["objects"]["rgb1"]["labels"]["final"]["info"]["classes"] == ["background", "lesion"]
    before = len(label_history.versions(server.studies, "rgb1"))
    assert before == 3
    assert client.info()["datastore"]["completed"] == 1
    status, *_ = slicer.MONAILabelUtils.http_method("DELETE", server.url, "/datastore/label?id=rgb1&tag=final")
    assert status == 200
    assert final(server) == []
    assert len(label_history.versions(server.studies, "rgb1")) == before + 1
    label_command("restore", "--studies", str(server.studies), "rgb1")
    assert len(final(server)) == 1


def label_command(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ssgnet_monai.cli", "label", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_full_disk_loses_no_label(server: Any, label_environment: Path, tmp_path: Path) -> None:
    """The store's own class, in the server's environment, where files cannot grow beyond some bytes."""
    client = server.client
    client.save_label("rgb2", drawn(server.root / "good.png", picture_mask(1)), tag="final", params={})
    before = (server.studies / "labels" / "final" / "rgb2.png").read_bytes()
    noise = np.random.default_rng(0).integers(0, 2, picture_mask().shape)
    drawn(tmp_path / "new.png", noise)
    code = (
        "import resource, sys; from ssgnet_monai.label_app.studies import Studies\n"
        "store = Studies(sys.argv[1], ['*.png', '*.nii.gz'], False, False)\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try:\n    store.save_label('rgb2', sys.argv[2], 'final', {})\n"
        "except OSError as error: print('refused', error.errno)\n"
    )
    words = [str(label_environment / "bin" / "python"), "-c", code, str(server.studies), str(tmp_path / "new.png")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "refused 27" in done.stdout, done.stderr[-2000:]
    assert (server.studies / "labels" / "final" / "rgb2.png").read_bytes() == before

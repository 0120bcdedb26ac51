"""What ``test_dicomweb.py`` runs in its own network: Orthanc, the label server and Slicer's client."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from tests.dicom_files import write_series
from tests.label.conftest import SEGMENTER, make_bundle, wait_for_training
from tests.label.test_dicomweb import PLUGIN
from tests.label.test_slicer_page import PAGE
from tests.volume_files import ct, f_mask, oblique

PORT = 8042
SHAPE = (40, 32, 6)
UNKNOWN = [{"name": "Segment_1", "idx": 1}]


def orthanc(path: str, body: bytes | None = None) -> Any:
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", body)
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.load(reply)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an Orthanc with three CT series and one of MR."""
    root = tmp_path_factory.mktemp("orthanc")
    config = {
        "HttpPort": PORT,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        **dict.fromkeys(("StorageDirectory", "IndexDirectory"), str(root / "db")),
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (root / "orthanc.json").write_text(json.dumps(config))
    with open(root / "log", "wb") as log:
        process = subprocess.Popen(["Orthanc", str(root / "orthanc.json")], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                orthanc("/system")
                break
            except OSError:
                assert time.monotonic() < deadline, (root / "log").read_text()
                time.sleep(0.5)
        for index in range(4):
            study = {
                "PatientID": f"p{index}", "PatientName": "A^B", "StudyInstanceUID": f"1.2.3.{index}",
                "SeriesInstanceUID": f"1.2.3.{index}.1", "FrameOfReferenceUID": f"1.2.3.{index}.2",
                "StudyDate": "20260101", "StudyTime": "120000", "Modality": "CT" if index < 3 else "MR",
            }  # fmt: skip
            for file in write_series(root / f"series{index}", ct(index, SHAPE), oblique(), **study):
                orthanc("/instances", Path(file).read_bytes())
        yield f"http://127.0.0.1:{PORT}/dicom-web"
    finally:
        process.terminate()
        process.wait(30)


def test_a_clinicians_round(archive: str, serve: Any, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundles")
    with serve([bundle], archive, "--app", "ssgnet") as server:
        client = server.client
        assert client.info()["datastore"]["total"] == 3
        for strategy in ("first", "random"):
            assert client.next_sample(strategy, {})["id"].startswith("1.2.3.")
        file, _ = client.infer(SEGMENTER, "1.2.3.0.1", {})
        mask = nibabel.load(file)
        assert mask.shape == SHAPE
        np.testing.assert_allclose(np.abs(mask.affine[:3, :3]), np.abs(oblique()[:3, :3]), atol=1e-3)
        assert set(np.unique(np.asarray(mask.dataobj))) <= {0, 1}

        for index in range(2):
            file, _ = client.infer(SEGMENTER, f"1.2.3.{index}.1", {})
            grid = nibabel.load(file)
            change = nibabel.orientations.ornt_transform(
                nibabel.io_orientation(oblique()), nibabel.io_orientation(grid.affine)
            )
            truth = nibabel.orientations.apply_orientation(f_mask(SHAPE), change).astype(np.uint8)
            label = tmp_path / f"label{index}.nii.gz"
            nibabel.save(nibabel.Nifti1Image(truth, grid.affine), label)
            info = {"label_info": [{"name": "lesion", "idx": 1}]}
            client.save_label(f"1.2.3.{index}.1", str(label), tag="final", params=info)
        kinds = [series["MainDicomTags"]["Modality"] for series in orthanc("/series?expand")]
        assert sorted(kinds) == ["CT", "CT", "CT", "MR", "SEG", "SEG"]

        client.train_start(SEGMENTER, {"device": "cpu", "val_split": 0.5, "max_epochs": 25, "pretrained": True})
        status = wait_for_training(client)
        assert status["status"] == "DONE", server.log.read_text()[-9000:]
        file, _ = client.infer(SEGMENTER, "1.2.3.2.1", {})
        found = np.asarray(nibabel.load(file).dataobj) > 0
        assert 2 * (found & (truth > 0)).sum() / (found.sum() + (truth > 0).sum()) > 0.5

        offered = [client.next_sample("disagreement", {}) for _ in range(8)]  # those that were labelled are known
        assert {sample["id"] for sample in offered} == {"1.2.3.2.1"}
        assert any(sample["disagreement"] is not None for sample in offered)
        settings = {"device": "cpu", "val_split": 0.5, "max_epochs": 1, "semi_supervised": True, "rounds": 1}
        client.train_start(SEGMENTER, settings)
        status = wait_for_training(client)
        assert status["status"] == "DONE", server.log.read_text()[-9000:]
        kinds = [series["MainDicomTags"]["Modality"] for series in orthanc("/series?expand")]
        assert sorted(kinds) == ["CT", "CT", "CT", "MR", "SEG", "SEG"]  # no pseudo-label among them


def test_segments_keep_their_classes_in_the_archive(
    archive: str, serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study without the first class: the DICOM-SEG has one segment, numbered 1, of the second class.

    The server lists another modality, as the page says.
    """
    [setting] = re.findall(r"export (MONAI_LABEL_DICOMWEB_SEARCH_FILTER)='(.*)'", PAGE)
    monkeypatch.setenv(*setting)
    bundle = make_bundle(tmp_path / "bundles", classes=("organ", "tumour"))
    study = "1.2.3.3.1"
    with serve([bundle], archive) as server:
        client = server.client
        assert client.next_sample("first", {})["id"] == study
        assert client.info()["datastore"]["total"] == 1
        file, _ = client.infer(SEGMENTER, study, {})
        grid = nibabel.load(file)
        mask = np.zeros(grid.shape, np.uint8)
        mask[5:12, 7:20, 1:3] = 1
        nibabel.save(nibabel.Nifti1Image(mask, grid.affine), tmp_path / "label.nii.gz")
        segments = {"label_info": [{"name": "tumour", "idx": 1}, {"name": "organ", "idx": 2}]}
        client.save_label(study, str(tmp_path / "label.nii.gz"), tag="final", params=segments)
        with pytest.raises(Exception, match="400"):
            client.save_label(study, str(tmp_path / "label.nii.gz"), tag="final", params={"label_info": UNKNOWN})
    monkeypatch.setenv(setting[0], json.dumps({"Modality": "CT,MR"}))
    with serve([bundle], archive) as server:  # its copies have gone: the label comes from the archive
        client = server.client
        client.train_start(SEGMENTER, {"device": "cpu", "val_split": 0.0, "max_epochs": 1})
        assert wait_for_training(client)["status"] == "DONE", server.log.read_text()[-9000:]
        (items,) = (json.loads(path.read_text()) for path in bundle.glob("output/items.json"))
        (item,) = items["training"]  # those whose segments are called "lesion" are left out
        assert study in item["label"]
        found = np.asarray(nibabel.load(item["label"]).dataobj)
        assert set(np.unique(found)) == {0, 2}
        assert (found == 2).sum() == mask.sum()

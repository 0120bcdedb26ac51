"""What a clinician's clicks do: list, next sample, infer, save a label, train; on pictures and on volumes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import itk
import nibabel
import numpy as np
import pytest
import torch
from PIL import Image

from ssgnet_monai.data.volumes.nrrd import read_nrrd
from ssgnet_monai.data.volumes.picture_grid import picture_affine
from tests import dicom_files
from tests.label.conftest import (
    CLASSIFIER,
    HEIGHT,
    SEGMENTER,
    WIDTH,
    draw_studies,
    make_bundle,
    picture_mask,
    post,
    wait_for_training,
)
from tests.volume_files import f_mask, oblique, stored_as, write

pytestmark = pytest.mark.slow
SLICER = {"result_extension": ".nrrd", "result_dtype": "uint8"}
"""What 3D Slicer's module asks for with every image."""


@pytest.fixture(scope="module")
def server(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("server")
    bundles = [make_bundle(root / "bundles"), make_bundle(root / "bundles", "classification")]
    studies = draw_studies(root / "studies")
    with serve(bundles, studies) as running:
        yield SimpleNamespace(**vars(running), root=root, studies=studies, models=bundles[0] / "models")


def infer(server: Any, image: str, **params: Any) -> Path:
    file, _ = server.client.infer(SEGMENTER, image, params)
    return Path(file)


def test_slicer_lists_both_models(server: Any) -> None:
    info = server.client.info()
    assert {name: model["type"] for name, model in info["models"].items()} == {
        SEGMENTER: "segmentation",
        CLASSIFIER: "classification",
    }
    assert info["models"][SEGMENTER]["labels"] == {"lesion": 1}
    assert info["datastore"]["total"] == 10


@pytest.mark.parametrize("strategy", ["first", "random"])
def test_next_sample(server: Any, strategy: str) -> None:
    sample = server.client.next_sample(strategy, {})
    assert sample["id"] in server.client.datastore()["objects"]


@pytest.mark.parametrize("image", ["rgb0", "grey0"])
def test_the_mask_of_a_picture(server: Any, image: str) -> None:
    file = infer(server, image)
    assert file.suffix == ".png"
    mask = np.asarray(Image.open(file))
    assert (mask.shape, mask.dtype) == ((HEIGHT, WIDTH), np.uint8)
    assert set(np.unique(mask)) <= {0, 1}


def test_the_mask_of_a_volume_has_its_grid(server: Any) -> None:
    image, mask = nibabel.load(server.studies / "volume0.nii.gz"), nibabel.load(infer(server, "volume0"))
    assert mask.shape == image.shape
    assert mask.get_data_dtype() == np.uint8
    np.testing.assert_allclose(mask.affine, image.affine, atol=1e-5)
    assert set(np.unique(np.asarray(mask.dataobj))) <= {0, 1}


def test_classes_and_their_scores(server: Any, slicer: Any) -> None:
    """Asked without Slicer's ``infer``, which expects an image in every answer."""
    selector = f"/infer/{CLASSIFIER}?image=rgb1&output=json"
    status, reply, *_ = slicer.MONAILabelUtils.http_multipart("POST", server.url, selector, {"params": "{}"}, {})
    assert status == 200, reply
    params = json.loads(reply)
    found = {entry["label"]: entry["score"] for entry in params["prediction"]}
    assert sum(found.values()) == pytest.approx(1, abs=1e-5)
    assert len(found) == 2


@pytest.fixture(scope="module")
def bright(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server whose model finds what is brighter than the mean, and studies in every format, 32 rows by 96 columns.

    The F's edges lie where both the network's 32 pixels and the image's own have an edge.
    """
    root = tmp_path_factory.mktemp("bright")
    network = {"_target_": "torch.nn.Conv2d", "in_channels": 3, "out_channels": 1, "kernel_size": 1}
    bundle = make_bundle(root / "bundles", network_def=network)
    torch.save(
        {"weight": torch.full((1, 3, 1, 1), 100.0), "bias": torch.tensor([-1.0])}, bundle / "models" / "model.pt"
    )
    studies = root / "studies"
    studies.mkdir()
    picture = np.where(bright_f(), 240, 16).astype(np.uint8)
    for name in ("a.png", "b.JPG", "c.jpeg", "d.bmp", "e.tif", "f.TIFF"):
        Image.fromarray(picture).convert("L" if name < "c" else "RGB").save(studies / name, quality=100, dpi=(300, 300))
    dicom_files.write(studies / "g.dcm", picture)
    for name, codes in (("h.nii.gz", "RAS"), ("i.nii", "PSR")):
        volume = np.zeros((32, 96, 5), np.int16)
        volume[..., 1:4] = bright_f()[..., None] * 900
        write(studies / name, *stored_as(codes, volume, oblique()))
    with serve([bundle], studies) as running:
        yield SimpleNamespace(**vars(running), studies=studies)


def bright_f() -> np.ndarray:
    mask = np.zeros((32, 96), bool)
    mask[3:28, 12:24] = mask[3:8, 12:66] = mask[13:18, 12:45] = True
    return mask


@pytest.mark.parametrize("image", "abcdefg")
def test_the_mask_of_every_format_is_exact(bright: Any, image: str) -> None:
    mask = np.asarray(Image.open(infer(bright, image)))
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, bright_f())
    viewed, affine = read_nrrd(infer(bright, image, **SLICER))
    np.testing.assert_array_equal(viewed[..., 0].T, bright_f())
    np.testing.assert_allclose(affine, picture_affine(next(bright.studies.glob(f"{image}.*"))), atol=1e-6)


@pytest.mark.parametrize("image", ["h.nii.gz", "i.nii"])
def test_the_mask_of_a_volume_is_exact(bright: Any, image: str) -> None:
    volume, name = nibabel.load(bright.studies / image), image.split(".")[0]
    saved = nibabel.load(infer(bright, name))
    viewed = read_nrrd(infer(bright, name, **SLICER))
    for voxels, affine in ((np.asarray(saved.dataobj), saved.affine), viewed):
        np.testing.assert_array_equal(voxels, np.asarray(volume.dataobj) > 0)
        np.testing.assert_allclose(affine, volume.affine, atol=1e-5)


def test_two_clients_at_once(server: Any) -> None:
    images = ["rgb0", "grey1", "volume0", "volume1"] * 2
    with ThreadPoolExecutor(4) as pool:
        files = list(pool.map(lambda image: infer(server, image), images))
    for image, file in zip(images[:4], files, strict=False):
        assert file.read_bytes() == files[images.index(image, 4)].read_bytes()


def test_saved_labels_train_and_the_next_suggestion_is_the_rectangle(server: Any) -> None:
    """Labels as PNG, as NIfTI and NRRD of one slice, and of a volume; then validation sets of none, one and two."""
    folder, client = server.root, server.client
    for index in range(4):
        mask = picture_mask(index).astype(np.uint8)
        if index == 0:
            path = folder / "label.png"
            Image.fromarray(mask).save(path)
        elif index == 1:
            path = folder / "label.nrrd"
            itk.imwrite(itk.image_from_array(mask[None].copy()), str(path))
        else:
            path = folder / "label.nii.gz"
            nibabel.save(nibabel.Nifti1Image(mask.T[..., None], np.diag([-1.0, -1, 1, 1])), path)
        client.save_label(f"rgb{index}", str(path), tag="final", params={})
    volume = nibabel.load(server.studies / "volume1.nii.gz")
    nibabel.save(nibabel.Nifti1Image(f_mask((40, 30, 6)), volume.affine), folder / "volume.nii.gz")
    client.save_label("volume1", str(folder / "volume.nii.gz"), tag="final", params={})
    assert client.info()["datastore"]["completed"] == 5

    settings = {"device": "cpu", "pretrained": True}
    for split, run_id, epochs in ((0.0, "", 1), (0.2, "run", 1), (0.4, "run", 8)):
        before = (server.models / "model.pt").read_bytes()
        client.train_start(SEGMENTER, {**settings, "val_split": split, "run_id": run_id, "max_epochs": epochs})
        status = wait_for_training(client)
        assert status["status"] == "DONE", status["details"]
        if client.info()["train_stats"][SEGMENTER]["message"].startswith("The training brought nothing"):
            assert split > 0
            assert (server.models / "model.pt").read_bytes() == before
        else:
            assert (server.models / "model_previous.pt").read_bytes() == before
            assert (server.models / "model.pt").read_bytes() != before
    assert {"model.pt", "model_previous.pt"} <= {path.name for path in server.models.iterdir()}
    assert set(torch.load(server.models / "model.pt", weights_only=True)) == set(
        torch.load(server.models / "model_previous.pt", weights_only=True)
    )
    mask, truth = np.asarray(Image.open(infer(server, "grey0"))) > 0, picture_mask(0)
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.8


def test_batch_inference_saves_original_labels(server: Any, slicer: Any) -> None:
    body = {"label_tag": "original", "device": "cpu", "multi_gpu": False}  # its default divides by the number of GPUs
    post(slicer, server, f"/batch/infer/{SEGMENTER}?images=unlabeled&run_sync=true", body)
    saved = sorted(path.name for path in (server.studies / "labels" / "original").iterdir())
    assert "grey0.png" in saved
    assert "volume0.nii.gz" in saved


def test_what_the_model_is_unsure_of_is_scored(serve: Any, slicer: Any, tmp_path: Path) -> None:
    """MONAI Label's own scoring by dropout."""
    bundle, studies = make_bundle(tmp_path / "bundles"), draw_studies(tmp_path / "studies", 1, 1)
    with serve([bundle], studies, "--conf", "epistemic_model", SEGMENTER) as server:
        result = post(slicer, server, f"/scoring/{SEGMENTER}?run_sync=true", {})
        objects = server.client.datastore()["objects"]
    assert result["skipped"] + result["executed"] == len(objects) == 3
    assert min(entry["image"]["info"]["epistemic_entropy"] for entry in objects.values()) > 0

"""A segmenter of three classes with pictures and volumes: lists, suggestions, saved segments, training, scores."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image

from ssgnet_monai.data.label_space import PALETTE
from ssgnet_monai.data.volumes.label_volume import read_label_volume
from ssgnet_monai.data.volumes.nrrd import read_nrrd
from ssgnet_monai.data.volumes.segments import read_segments
from ssgnet_monai.label_app import label_history
from ssgnet_monai.label_app.label_check import read_label
from tests.label.conftest import SEGMENTER, make_bundle, post, wait_for_training
from tests.label.test_serving import SLICER, bright_f
from tests.volume_files import oblique, stored_as, write

pytestmark = pytest.mark.slow
EXACT, LEARNS = "exact_segmentation", "learns_segmentation"
CLASSES = bright_f().astype(np.uint8)
CLASSES[13:18, 12:45] = 2  # a bar of the F
GREY = np.array([16, 90, 240])
SWAPPED = np.choose(CLASSES, [0, 2, 1]).astype(np.uint8)
AS_SLICER_LISTS = {"label_info": [{"name": "tumour", "idx": 1}, {"name": "organ", "idx": 2}]}


def nearest_grey() -> dict[str, torch.Tensor]:
    """Weights of a 1 x 1 convolution that finds the nearest of three grey levels in a normalised image."""
    values = GREY[CLASSES]
    means = torch.from_numpy((GREY - values.mean()) / values.std()).float()
    weight = (2 * means / 3).view(3, 1, 1, 1).expand(3, 3, 1, 1)
    return {"weight": 50 * weight.contiguous(), "bias": -50 * means**2}


@pytest.fixture(scope="module")
def server(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("server")
    network = {"_target_": "torch.nn.Conv2d", "in_channels": 3, "out_channels": 3, "kernel_size": 1}
    exact = make_bundle(root / "a", classes=("Organ", "tumour"), network_def=network).rename(root / EXACT)
    torch.save(nearest_grey(), exact / "models" / "model.pt")
    learns = make_bundle(root / "b", classes=("Organ", "tumour"), learning_rate=0.01).rename(root / LEARNS)
    studies = root / "studies"
    studies.mkdir()
    for index in range(4):
        Image.fromarray(GREY[CLASSES].astype(np.uint8)).convert("RGB").save(studies / f"p{index}.png")
    for index, codes in enumerate(("RAS", "PSR")):
        write(studies / f"v{index}.nii.gz", *stored_as(codes, volume(GREY[CLASSES] * 4), oblique()))
    with serve([exact, learns], studies, "--app", "ssgnet") as running:
        yield SimpleNamespace(**vars(running), root=root, studies=studies, bundle=learns)


def volume(slice_values: np.ndarray) -> np.ndarray:
    return np.repeat(slice_values.astype(np.int16)[..., None], 3, axis=-1)


def infer(server: Any, image: str, model: str = EXACT, **params: Any) -> Path:
    file, answer = server.client.infer(model, image, params)
    assert answer["label_names"] == {"organ": 1, "tumour": 2}
    return Path(file)


def final(server: Any, image: str) -> np.ndarray:
    """What training reads of a saved label."""
    (label,) = (server.studies / "labels" / "final").glob(f"{image}.*")
    (path,) = server.studies.glob(f"{image}.*")
    return read_label(path, label, 3)


def test_labels_are_listed_by_name_and_number(server: Any) -> None:
    info = server.client.info()
    assert {name: model["labels"] for name, model in info["models"].items()} == {
        EXACT: {"organ": 1, "tumour": 2},
        LEARNS: {"organ": 1, "tumour": 2},
    }
    assert info["labels"] == ["organ", "tumour"]


def test_suggestions_for_a_picture_are_class_numbers(server: Any) -> None:
    np.testing.assert_array_equal(np.asarray(Image.open(infer(server, "p0"))), CLASSES)
    viewed, _ = read_nrrd(infer(server, "p0", **SLICER))
    np.testing.assert_array_equal(viewed[..., 0].T, CLASSES)


@pytest.mark.parametrize("image", ["v0", "v1"])
def test_suggestions_for_a_volume_are_class_numbers(server: Any, image: str) -> None:
    truth = np.digitize(np.asarray(nibabel.load(server.studies / f"{image}.nii.gz").dataobj), [200, 600])
    np.testing.assert_array_equal(np.asarray(nibabel.load(infer(server, image)).dataobj), truth)
    segments = infer(server, image, result_extension=".seg.nrrd")
    assert [part[:2] for part in read_segments(segments)] == [("organ", 1), ("tumour", 2)]
    found, affine = read_label_volume(segments, 3, ["background", "Organ", "tumour"])
    np.testing.assert_array_equal(found, truth)
    np.testing.assert_allclose(affine, nibabel.load(server.studies / f"{image}.nii.gz").affine, atol=1e-5)


def test_segments_that_are_no_class_are_refused(server: Any, slicer: Any) -> None:
    unknown = {"label_info": [{"name": "organ", "idx": 1}, {"name": "Segment_2", "idx": 2}]}
    drawn = write(server.root / "drawn.nii.gz", CLASSES.T[..., None], np.diag([-1.0, -1, 1, 1]))
    three = write(server.root / "three.nii.gz", 3 * CLASSES.T[..., None], np.diag([-1.0, -1, 1, 1]))
    for image, file, params, said in (
        ("p0", drawn, unknown, "Expected segments called 'Organ' (1), 'tumour' (2), got 'Segment_2'"),
        ("p0", three, {}, "Expected the numbers of 'Organ' (1), 'tumour' (2), got values 3, 6"),
        ("v0", drawn, AS_SLICER_LISTS, "other places"),
    ):
        with pytest.raises(slicer.MONAILabelClientException) as error:
            server.client.save_label(image, str(file), tag="final", params=params)
        assert "Status: 400" in error.value.msg
        if said != "other places":
            assert said in error.value.msg
    assert server.client.info()["datastore"]["completed"] == 0


def test_segments_are_saved_as_class_numbers(server: Any) -> None:
    client = server.client
    first = write(server.root / "first.nii.gz", CLASSES.T[..., None] * 0, np.diag([-1.0, -1, 1, 1]))
    client.save_label("p0", str(first), tag="final", params=AS_SLICER_LISTS)
    drawn = write(server.root / "drawn.nii.gz", SWAPPED.T[..., None], np.diag([-1.0, -1, 1, 1]))
    client.save_label("p0", str(drawn), tag="final", params=AS_SLICER_LISTS)
    np.testing.assert_array_equal(final(server, "p0"), CLASSES)
    assert len(label_history.versions(server.studies, "p0")) == 1
    Image.fromarray(SWAPPED).save(server.root / "drawn.png")
    client.save_label("p1", str(server.root / "drawn.png"), tag="final", params=AS_SLICER_LISTS)
    np.testing.assert_array_equal(final(server, "p1"), CLASSES)
    client.save_label("p2", str(infer(server, "p2", result_extension=".seg.nrrd")), tag="final", params={})
    np.testing.assert_array_equal(final(server, "p2"), CLASSES)
    grid = nibabel.load(server.studies / "v1.nii.gz")
    values = np.digitize(np.asarray(grid.dataobj), [200, 600])
    write(server.root / "volume.nii.gz", np.choose(values, [0, 2, 1]).astype(np.uint8), grid.affine)
    client.save_label("v1", str(server.root / "volume.nii.gz"), tag="final", params=AS_SLICER_LISTS)
    np.testing.assert_array_equal(final(server, "v1"), values)
    assert client.info()["datastore"]["completed"] == 4


def test_how_much_was_corrected_is_the_mean_over_the_classes(server: Any, slicer: Any) -> None:
    half = CLASSES.copy()
    half[half == 2] = 0
    original = server.studies / "labels" / "original"
    server.client.save_label("p0", str(infer(server, "p0")), tag="original", params={})
    Image.fromarray(half).save(server.root / "half.png")
    server.client.save_label("p1", str(server.root / "half.png"), tag="original", params={})
    assert sorted(path.name for path in original.iterdir()) == ["p0.png", "p1.png"]
    assert post(slicer, server, "/scoring/dice?run_sync=true", {}) == {"p0": 1.0, "p1": 0.5}


def test_segments_train_with_unlabelled_studies(server: Any) -> None:
    settings = {"device": "cpu", "val_split": 0.4, "max_epochs": 12, "semi_supervised": True, "rounds": "1"}
    server.client.train_start(LEARNS, settings)
    status = wait_for_training(server.client, 400)
    assert status["status"] == "DONE", server.log.read_text()[-6000:]
    stats = server.client.info()["train_stats"][LEARNS]
    assert stats["message"].startswith("The model is new: validation Dice improved from")
    round_01 = server.bundle / "output" / "semi_supervised" / "pseudo_labels" / "round_01"
    masks = json.loads((round_01 / "manifest.json").read_text())["masks"]
    assert len(masks) == 1 + 3  # a picture, and the slices of a volume
    mask = Image.open(round_01 / masks[0]["mask"])
    assert (mask.mode, mask.getpalette()[:9]) == ("P", PALETTE[:9])
    found = np.asarray(Image.open(infer(server, "p3", LEARNS)))
    for number in (1, 2):
        both = ((found == number) & (number == CLASSES)).sum()
        assert 2 * both / ((found == number).sum() + (number == CLASSES).sum()) > 0.7, number


def test_a_plain_training_validates_all_classes(server: Any) -> None:
    before = server.client.info()["train_stats"][LEARNS]["best_metric"]
    server.client.train_start(LEARNS, {"device": "cpu", "val_split": 0.4, "max_epochs": 1})
    assert wait_for_training(server.client)["status"] == "DONE", server.log.read_text()[-6000:]
    assert server.client.info()["train_stats"][LEARNS]["present_metric"] == pytest.approx(before)


def test_the_least_sure_study_is_offered(server: Any) -> None:
    offered = [server.client.next_sample("disagreement", {}) for _ in range(6)]
    assert {sample["id"] for sample in offered} <= {"p3", "v0"}
    scores = [sample["disagreement"] for sample in offered if sample["disagreement"] is not None]
    assert scores
    assert all(0 <= score <= 1 for score in scores)


def test_labels_of_other_classes_do_not_train(serve: Any, server: Any, tmp_path: Path) -> None:
    """The folder of studies, served with a model whose classes have other names."""
    other = make_bundle(tmp_path, classes=("tumour", "organ"))
    with serve([other], server.studies) as running:
        running.client.train_start(SEGMENTER, {"device": "cpu", "max_epochs": 1})
        assert wait_for_training(running.client)["status"] == "ERROR"
        said = running.log.read_text()
    assert "its label is of the classes background, Organ, tumour, the model of background, tumour, organ" in said
    assert "Expected at least one training item" in said

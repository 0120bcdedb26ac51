"""Labelling streams: a batch is written before the next is read, and a killed run reads only what is missing."""

from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import torch
from monai.transforms import Compose, EnsureTyped
from PIL import Image

from ssgnet_monai.data.label_space import IGNORED, PALETTE
from ssgnet_monai.data.pseudo_labels import LabelTask, PseudoLabelFolder, read_manifest, with_pseudo_labels
from ssgnet_monai.engines import Predictor
from ssgnet_monai.handlers import PseudoLabelHandler
from ssgnet_monai.transforms import LoadVolumed, image_views

NUMBER, BATCH = 22, 4


def after_a_round(tmp_path, items, network):
    """What the handler reads of an engine that has trained a round."""
    torch.save(network.state_dict(), tmp_path / "model.pt")
    task = LabelTask(items, tmp_path / "pseudo_labels" / "round_00", [tmp_path / "model.pt"], round=0)
    return SimpleNamespace(state=SimpleNamespace(output=task))


@pytest.fixture
def rounds(tmp_path):
    """A pool of constant images."""
    items = [{"image": str(tmp_path / f"image{k:02d}.png")} for k in range(NUMBER)]
    return after_a_round(tmp_path, items, torch.nn.Identity())


def folder_of(rounds):
    return rounds.state.output.folder


@pytest.fixture
def events(monkeypatch):
    """Reads and writes in the order in which they happen."""
    happened, write = [], PseudoLabelFolder.write

    def noted(self, indices, items, labels):
        write(self, indices, items, labels)
        happened.extend(("write", index) for index in indices)

    monkeypatch.setattr(PseudoLabelFolder, "write", noted)
    return happened


def handler(events, stop_at=None):
    def read(item):
        index = int(item["image"][-6:-4])
        if index == stop_at:
            raise KeyboardInterrupt
        events.append(("read", index))
        return {"image": torch.full((1, 8, 8), 5.0 if index % 2 else -5.0)}

    return PseudoLabelHandler(Predictor(torch.nn.Identity()), read, batch_size=BATCH)


def test_no_more_than_a_batch_is_held(rounds, events):
    handler(events)(rounds)
    held = 0
    for kind, _ in events:
        held += 1 if kind == "read" else -1
        assert 0 <= held <= BATCH
    assert held == 0
    assert events.index(("write", 0)) < events.index(("read", BATCH))
    masks = read_manifest(folder_of(rounds))["masks"]
    assert [record["image"] for record in masks] == [f"../image{k:02d}.png" for k in range(NUMBER)]
    with Image.open(folder_of(rounds) / masks[1]["mask"]) as mask:
        assert (np.asarray(mask) == 1).all()


def test_a_stopped_run_goes_on_behind_the_last_batch_it_wrote(rounds, events):
    with pytest.raises(KeyboardInterrupt):
        handler(events, stop_at=10)(rounds)
    assert not folder_of(rounds).exists()
    events.clear()
    handler(events)(rounds)
    assert [index for kind, index in events if kind == "read"] == list(range(8, NUMBER))
    assert len(read_manifest(folder_of(rounds))["masks"]) == NUMBER
    events.clear()
    handler(events)(rounds)
    assert events == []


def test_a_floor_that_is_no_confidence_is_refused():
    with pytest.raises(ValueError, match=r"confidence_floor in \[0.5, 1\] or null, got 0.4"):
        PseudoLabelHandler(Predictor(torch.nn.Identity()), dict, confidence_floor=0.4)


def test_a_round_without_a_pool_labels_nothing(events):
    handler(events)(SimpleNamespace(state=SimpleNamespace(output=None)))
    assert events == []


def test_the_weights_of_the_task_label(tmp_path):
    """The network holds other ones at first: the newest, where the gate chose an earlier round."""
    trained, newest = torch.nn.Conv2d(1, 4, 1), torch.nn.Conv2d(1, 4, 1)
    for layer, number in ((trained, 3), (newest, 1)):
        layer.weight.data.zero_()
        layer.bias.data = 9.0 * torch.nn.functional.one_hot(torch.tensor(number), 4)
    rounds = after_a_round(tmp_path, [{"image": str(tmp_path / "image.png")}], trained)
    PseudoLabelHandler(Predictor(newest), lambda item: {"image": torch.zeros(1, 5, 6)})(rounds)
    (record,) = read_manifest(folder_of(rounds))["masks"]
    assert record["classes"] == [0, 0, 1]
    assert record["foreground"] == 1
    with Image.open(folder_of(rounds) / record["mask"]) as mask:
        assert mask.mode == "P"
        assert mask.getpalette()[9:12] == PALETTE[9:12]
        assert (np.asarray(mask) == 3).all()


def test_several_models_and_views_vote(tmp_path):
    """Three networks of one bias each: two say class 1, one class 2; a view alone changes nothing of a constant."""
    network, files = torch.nn.Conv2d(1, 3, 1), []
    for k, number in enumerate((1, 1, 2)):
        network.weight.data.zero_()
        network.bias.data = 9.0 * torch.nn.functional.one_hot(torch.tensor(number), 3)
        files.append(tmp_path / f"model{k}.pt")
        torch.save(network.state_dict(), files[-1])
    for models, expected in ((files[:2], 1), (files, IGNORED)):
        folder = tmp_path / f"of{len(models)}" / "round_00"
        task = LabelTask([{"image": str(tmp_path / "image.png")}], folder, models, round=0)
        predict = Predictor(network, views=image_views(2, 4))
        rounds = SimpleNamespace(state=SimpleNamespace(output=task))
        PseudoLabelHandler(predict, lambda item: {"image": torch.zeros(1, 5, 6)})(rounds)
        (record,) = read_manifest(folder)["masks"]
        with Image.open(folder / record["mask"]) as mask:
            assert (np.asarray(mask) == expected).all()


class Brightness(torch.nn.Module):
    """Class 2 where the voxel is above 50, class 1 where it is above 20."""

    def forward(self, x):
        return torch.cat([torch.zeros_like(x), (x > 20) * 5.0, (x > 50) * 10.0], 1)


@pytest.mark.parametrize("views", [1, 8])
@pytest.mark.parametrize("spacing", [None, [1, 1, 2]])
def test_masks_of_volumes_lie_on_the_voxels_of_their_files(spacing, views, tmp_path):
    """The volume is stored in another order of axes; with ``spacing`` the network sees other voxels."""
    voxels = np.zeros((6, 8, 10), np.int16)
    voxels[:3, 2:6], voxels[3:, :, 5:] = 30, 90
    affine = np.array([[0, 0, -1, 9], [0, 1, 0, 0], [1.0, 0, 0, 4], [0, 0, 0, 1]])
    nibabel.save(nibabel.Nifti1Image(voxels, affine), tmp_path / "scan.nii.gz")
    items = [{"image": str(tmp_path / "scan.nii.gz")}]
    rounds = after_a_round(tmp_path, items, Brightness())
    load = LoadVolumed(num_classes=3, voxel_values="stored", voxel_spacing=spacing)
    transform = Compose([load, EnsureTyped("image", dtype=torch.float32, track_meta=False)])
    predict = Predictor(Brightness(), views=image_views(3, views))
    PseudoLabelHandler(predict, transform, batch_size=1, voxel_spacing=spacing)(rounds)
    (labelled,) = with_pseudo_labels(items, folder_of(rounds))
    mask = nibabel.load(labelled["label"])
    np.testing.assert_allclose(mask.affine, affine)
    assert mask.get_data_dtype() == np.uint8
    truth = (voxels > 20).astype(int) + (voxels > 50)
    agreement = (np.asarray(mask.dataobj) == truth).mean()
    assert agreement == 1 if spacing is None else agreement > 0.9
    (record,) = read_manifest(folder_of(rounds))["masks"]
    assert record["classes"] == pytest.approx([(np.asarray(mask.dataobj) == k).mean() for k in (1, 2)], abs=1e-6)
    read_again = LoadVolumed(num_classes=3, voxel_values="stored")(labelled)["label"]
    np.testing.assert_array_equal(np.unique(read_again), [0, 1, 2])


class BrightLeft(torch.nn.Module):
    """Class 1 where the voxel is bright and lies in the first half of the first axis, class 0 elsewhere."""

    def forward(self, x):
        left = torch.arange(x.shape[2]) < x.shape[2] // 2
        return ((x > 20) & left[:, None, None]) * 10.0 - 2


@pytest.mark.parametrize(("views", "stability"), [(4, 1), (8, 0.5)])
def test_views_of_volumes_tell_how_steady_a_mask_is(views, stability, tmp_path):
    """Mirrored along the first axis, all answers are other halves of the volume; the mean is foreground."""
    nibabel.save(nibabel.Nifti1Image(np.full((6, 8, 10), 30, np.int16), np.eye(4)), tmp_path / "scan.nii.gz")
    rounds = after_a_round(tmp_path, [{"image": str(tmp_path / "scan.nii.gz")}], BrightLeft())
    predict = Predictor(BrightLeft(), views=image_views(3, views))
    PseudoLabelHandler(predict, lambda item: {"image": torch.full((1, 6, 8, 10), 30.0)}, batch_size=1)(rounds)
    (record,) = read_manifest(folder_of(rounds))["masks"]
    assert record["stability"] == stability
    assert record["foreground"] == (0.5 if views == 4 else 1)


def test_a_preprocessing_that_crops_volumes_is_refused(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.zeros((6, 8, 10), np.int16), np.eye(4)), tmp_path / "scan.nii.gz")
    rounds = after_a_round(tmp_path, [{"image": str(tmp_path / "scan.nii.gz")}], Brightness())
    crop = PseudoLabelHandler(Predictor(Brightness()), lambda item: {"image": torch.zeros(1, 4, 8, 10)}, batch_size=1)
    with pytest.raises(ValueError, match=r"mask of \(6, 8, 10\) voxels, .* got \(4, 8, 10\)"):
        crop(rounds)

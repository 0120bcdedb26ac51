"""A review without a server: the queue by certainty, the decisions as a datalist. One test asks the server."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from ssgnet_monai.data import load_datalist, split_labeled, write_phantom
from ssgnet_monai.data.datalist import datalist_sha256
from ssgnet_monai.data.image_io import write_mask_png
from ssgnet_monai.data.label_space import mask_image
from ssgnet_monai.data.pseudo_labels import PseudoLabelFolder
from ssgnet_monai.data.volumes.nrrd import read_nrrd
from ssgnet_monai.label_app.review import REVIEW, open_review, review_classes, write_reviewed


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """A run with one generator's four images and a round of masks for them and two real images."""
    data = write_phantom(tmp_path / "run" / "data", (12, 8), size=32).parent
    images = tmp_path / "run" / "generators" / "regular" / "images"
    images.mkdir(parents=True)
    entries = []
    for index in range(4):
        Image.new("RGB", (32, 32), (40 * index, 90, 60)).save(images / f"seed{index}.png")
        entries.append({"image": f"images/seed{index}.png", "class": "regular", "seed": index, "origin": "synthetic"})
        entries[-1] |= {"generator_sha256": "ab" * 32, "datalist_sha256": datalist_sha256(data)}
    (images.parent / "synthetic.json").write_text(json.dumps({"unlabeled": entries}))
    row = tmp_path / "run" / "segmentation" / "unet" / "seed0"
    row.mkdir(parents=True)
    config = {"dataset_dir": "data", "synthetic": ["generators/regular/synthetic.json"]}
    (row / "config.yaml").write_text(yaml.safe_dump(config))
    paths = [str(images / f"seed{index}.png") for index in range(4)]
    items = [{"image": path} for path in paths + [item["image"] for item in load_datalist(data)["training"][:2]]]
    folder = PseudoLabelFolder(row / "pseudo_labels" / "round_01", "cd" * 32)
    confidence = torch.tensor([0.9, 0.6, 0.8, 0.7, 0.5, 0.5])
    masks = torch.zeros(6, 1, 32, 32, dtype=torch.uint8)
    masks[..., 4:20, 10:30] = 1
    known = {"mask": masks, "confidence": confidence, "classes": confidence[:, None], "stability": confidence}
    folder.write(folder.begin(items), items, known)
    folder.publish(items, {})
    return folder.folder


def test_the_least_certain_come_first_and_decisions_are_kept(pool: Path, tmp_path: Path) -> None:
    studies = open_review(pool, tmp_path / "review")
    names = sorted(path.name for path in studies.glob("*.png"))
    assert names == [f"0000{rank}_regular_seed{index}.png" for rank, index in ((1, 1), (2, 3), (3, 2), (4, 0))]
    mask = np.asarray(Image.open(studies / "labels" / "original" / names[0]))
    assert mask[4:20, 10:30].all()
    assert not mask[:4].any()
    (studies / "labels" / "final").mkdir()
    (studies / "labels" / "final" / names[0]).touch()
    open_review(pool, tmp_path / "review")
    assert (studies / "labels" / "final" / names[0]).exists()


def test_accepted_pairs_train_and_dropped_ones_are_gone(pool: Path, tmp_path: Path) -> None:
    final = open_review(pool, tmp_path / "review") / "labels" / "final"
    accepted = np.zeros((32, 32), bool)
    accepted[5:9, 11:30] = True
    write_mask_png(final / "00001_regular_seed1.png", accepted)
    write_mask_png(final / "00002_regular_seed3.png", np.zeros((32, 32), bool))
    assert write_reviewed(tmp_path / "review", tmp_path / "out") == {"accepted": 1, "dropped": 1, "waiting": 2}
    before, after = load_datalist(tmp_path / "run" / "data"), load_datalist(tmp_path / "out")
    new = after["training"][-1]
    assert after["training"][:-1] == before["training"]
    assert Path(new["image"]).name == "seed1.png"
    assert new["origin"] == "synthetic"
    assert new["generator_sha256"] == "ab" * 32
    np.testing.assert_array_equal(np.asarray(Image.open(new["label"])) > 0, accepted)
    assert [Path(item["image"]).name for item in after["unlabeled"]] == ["seed2.png", "seed0.png"]
    assert after["review"]["dropped"] == ["00002_regular_seed3"]
    assert after["validation"] == before["validation"]
    assert after["test"] == before["test"]
    labelled, _ = split_labeled(after["training"])  # the rounds take them as labelled
    assert len(labelled) == len(after["training"])


def test_the_label_that_was_saved_last_counts(pool: Path, tmp_path: Path) -> None:
    final = open_review(pool, tmp_path / "review") / "labels" / "final"
    write_mask_png(final / "00001_regular_seed1.png", np.ones((32, 32), bool))
    corrected = np.zeros((32, 32, 1), np.uint8)
    corrected[3:9, 5:8] = 1
    nibabel.save(nibabel.Nifti1Image(corrected, np.diag([-1.0, -1, 1, 1])), final / "00001_regular_seed1.nii.gz")
    os.utime(final / "00001_regular_seed1.png", (1, 1))
    write_reviewed(tmp_path / "review", tmp_path / "out")
    label = load_datalist(tmp_path / "out")["training"][-1]["label"]
    np.testing.assert_array_equal(np.asarray(Image.open(label)) > 0, corrected[..., 0].T > 0)


def test_a_lay_out_that_was_cut_short_and_a_folder_of_others(pool: Path, tmp_path: Path) -> None:
    review = tmp_path / "review"
    (review / "studies.partial").mkdir(parents=True)
    studies = open_review(pool, review)
    studies.rename(review / "studies.partial")  # killed before the last step
    assert len(list(open_review(pool, review).glob("*.png"))) == 4
    patients = tmp_path / "own" / "studies"
    patients.mkdir(parents=True)
    (patients / "patient.png").touch()
    with pytest.raises(ValueError, match="a folder 'studies' that no review made"):
        open_review(pool, tmp_path / "own")
    assert (patients / "patient.png").exists()


def test_what_a_review_refuses(pool: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"Expected a round of pseudo-labels .* found no .*manifest.json"):
        open_review(tmp_path, tmp_path / "review")
    with pytest.raises(FileNotFoundError, match="found no queue.json"):
        write_reviewed(tmp_path, tmp_path / "out")
    open_review(pool, tmp_path / "review")
    with pytest.raises(ValueError, match="another folder than the run's own data"):
        write_reviewed(tmp_path / "review", tmp_path / "run" / "data")
    (pool / "manifest.json").write_text((pool / "manifest.json").read_text().replace("0.9", "0.4"))
    with pytest.raises(ValueError, match="got the review of others"):
        open_review(pool, tmp_path / "review")


def test_several_classes_stay_what_they_are(pool: Path, tmp_path: Path) -> None:
    datalist = json.loads((tmp_path / "run" / "data" / "datalist.json").read_text())
    datalist["labels"] = {"0": "background", "1": "organ", "2": "tumour"}
    (tmp_path / "run" / "data" / "datalist.json").write_text(json.dumps(datalist))
    synthetic = tmp_path / "run" / "generators" / "regular" / "synthetic.json"
    entries = json.loads(synthetic.read_text())["unlabeled"]
    known = datalist_sha256(tmp_path / "run" / "data")
    synthetic.write_text(json.dumps({"unlabeled": [{**entry, "datalist_sha256": known} for entry in entries]}))
    drawn = np.zeros((32, 32), np.uint8)
    drawn[4:20, 10:30], drawn[6:9, 12:20], drawn[30:] = 1, 2, 255
    for mask in pool.glob("*.png"):
        mask_image(drawn).save(mask)
    studies = open_review(pool, tmp_path / "review")
    assert review_classes(studies) == ["background", "organ", "tumour"]
    names = sorted(path.stem for path in studies.glob("*.png"))
    offered = Image.open(studies / "labels" / "original" / f"{names[0]}.png")
    np.testing.assert_array_equal(np.asarray(offered), np.where(drawn == 255, 0, drawn))  # not known is shown as empty
    (studies / "labels" / "final").mkdir()
    offered.save(studies / "labels" / "final" / f"{names[0]}.png")
    corrected = np.zeros((32, 32, 1), np.uint8)
    corrected[3:9, 5:8] = 2
    nibabel.save(
        nibabel.Nifti1Image(corrected, np.diag([-1.0, -1, 1, 1])), studies / "labels" / "final" / f"{names[1]}.nii.gz"
    )
    assert write_reviewed(tmp_path / "review", tmp_path / "out") == {"accepted": 2, "dropped": 0, "waiting": 2}
    accepted, other = (Image.open(item["label"]) for item in load_datalist(tmp_path / "out")["training"][-2:])
    assert accepted.mode == other.mode == "P"
    np.testing.assert_array_equal(np.asarray(accepted), np.asarray(offered))
    np.testing.assert_array_equal(np.asarray(other), corrected[..., 0].T)


def test_a_review_of_an_earlier_version_has_the_classes_of_its_run(pool: Path, tmp_path: Path) -> None:
    studies = open_review(pool, tmp_path / "review")
    queue = json.loads((tmp_path / "review" / "queue.json").read_text())
    names = queue.pop("classes")
    (tmp_path / "review" / "queue.json").write_text(json.dumps(queue))
    assert open_review(pool, tmp_path / "review") == studies
    assert review_classes(studies) == names == ["background", "lesion"]
    assert write_reviewed(tmp_path / "review", tmp_path / "out") == {"accepted": 0, "dropped": 0, "waiting": 4}


@pytest.mark.slow
def test_slicer_gets_the_pseudo_label_and_saves_a_decision(pool: Path, tmp_path: Path, serve: Any) -> None:
    with serve([], None, "--pool", str(pool), "--folder", str(tmp_path / "review"), command="review") as server:
        assert server.client.next_sample("first", {})["id"] == "00001_regular_seed1"
        file, _ = server.client.infer(REVIEW, "00001_regular_seed1", {})
        mask = np.asarray(Image.open(file))
        assert set(np.unique(mask)) == {0, 1}
        assert (mask[4:20, 10:30] > 0).all()
        viewed, _ = server.client.infer(REVIEW, "00001_regular_seed1", {"result_extension": ".nrrd"})
        np.testing.assert_array_equal(read_nrrd(viewed)[0][..., 0].T, mask)
        server.client.save_label("00001_regular_seed1", file, tag="final", params={})
        assert server.client.next_sample("first", {})["id"] == "00002_regular_seed3"
    assert write_reviewed(tmp_path / "review", tmp_path / "out")["accepted"] == 1

"""Too little to learn from is said before anything trains."""

import json
import logging

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data.datalist import load_datalist
from ssgnet_monai.data.few_images import FEWEST, foreground_warnings, size_warnings
from ssgnet_monai.data.prepare.folder import prepare_folder
from ssgnet_monai.metrics.generator_scores import synthesis_scores
from tests.picture_files import write_values
from tests.volume_files import ct, f_mask, write


def items(**numbers):
    return [{"image": f"{name}{k}.png", "class": name} for name, number in numbers.items() for k in range(number)]


def test_each_lack_is_named():
    datalist = {
        "classes": ["a", "b", "c"],
        "training": items(a=4, b=3),
        "validation": items(a=1, b=1, c=1),
        "test": items(a=1, c=1),
    }
    few, untested, untrained = size_warnings(datalist)
    assert "Class 'b' has 3 training images: its generator can only repeat them, and KID and FID, which take 4" in few
    assert untested == "Class 'b' has no image in test."
    assert "Class 'c' has no training image: neither a generator nor a classifier" in untrained
    assert size_warnings({"classes": ["a"], "training": items(a=4), "validation": items(a=1), "test": items(a=1)}) == []


def test_the_least_number_is_that_of_the_scores():
    import torch

    images = torch.zeros(FEWEST - 1, 1, 8, 8)
    with pytest.raises(ValueError, match=f"at least {FEWEST} real images"):
        synthesis_scores(images, images, None, seed=0)


@pytest.mark.parametrize("rare", [3, 5])
def test_a_rare_class_is_told_at_preparation(tmp_path, caplog, rare):
    for name, number in (("a", 14), ("b", rare)):
        (tmp_path / "d" / name).mkdir(parents=True)
        for k in range(number):
            noise = np.random.default_rng(k + 50 * rare * (name == "b")).integers(0, 255, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / "d" / name / f"{name}{k}.png")
    with caplog.at_level(logging.WARNING, "ssgnet_monai"):
        path = prepare_folder(tmp_path / "d", None, tmp_path / "o", classes="folders", size=16)
    training = sum(item["class"] == "b" for item in load_datalist(path)["training"])
    assert (f"Class 'b' has {training} training images" in caplog.text) == (training < FEWEST)


def test_all_images_of_a_class_on_the_side_of_the_test_are_told(tmp_path, caplog):
    for name, number in (("a", 12), ("b", 4)):
        (tmp_path / "d" / name).mkdir(parents=True)
        for k in range(number):
            noise = np.random.default_rng(k + 50 * (name == "b")).integers(0, 255, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / "d" / name / f"{name}{k}.png")
    prepare = {"classes": "folders", "groups": "^(a|b)", "size": 16, "split": [0.5, 0, 0.5]}
    with caplog.at_level(logging.WARNING, "ssgnet_monai"):
        prepare_folder(tmp_path / "d", None, tmp_path / "o", **prepare)
    assert "has no training image" in caplog.text


def masked(prefix, number):
    return [{"image": f"{prefix}{k}.png", "label": f"{prefix}{k}_m.png"} for k in range(number)]


@pytest.mark.parametrize("split", ["training", "validation", "test"])
def test_a_part_without_foreground_is_told(split):
    datalist = {"training": masked("a", 3), "validation": masked("b", 2), "test": masked("c", 2), "unlabeled": []}
    empty = {item["label"] for item in datalist[split]}
    (told,) = foreground_warnings(datalist, empty)
    assert told.startswith(f"None of the {len(empty)} {split} masks has any foreground")
    assert foreground_warnings(datalist, set(sorted(empty)[1:])) == []
    (told,) = foreground_warnings(datalist, {item["label"] for part in datalist.values() for item in part})
    assert told.startswith("None of the 7 masks has any foreground")
    assert foreground_warnings({**datalist, split: items(a=2)}, empty) == []


@pytest.mark.parametrize("form", ["pictures", "slices", "volumes"])
def test_validation_and_test_without_foreground_are_told_at_preparation(tmp_path, form):
    for index in range(6):
        if form == "pictures":
            noise = np.random.default_rng(index).integers(0, 255, (24, 24, 3), dtype=np.uint8)
            mask = np.zeros((24, 24), np.uint8)
            mask[5:9, 5:9] = 255 * (index == 0)
            write_values(tmp_path / "images" / f"i{index}.png", noise)
            write_values(tmp_path / "masks" / f"i{index}.png", mask)
        else:
            write(tmp_path / "images" / f"i{index}.nii.gz", ct(index))
            write(tmp_path / "masks" / f"i{index}.nii.gz", f_mask() * np.uint8(index == 0))
    options = {"form": form} if form != "pictures" else {}
    found = set()
    for seed in range(4):
        out = prepare_folder(tmp_path, None, tmp_path.with_name(f"out{seed}"), size=None, seed=seed, **options).parent
        parts = load_datalist(out / "datalist.json")
        told = " ".join(json.loads((out / "prepare.json").read_text())["warnings"])
        for split in ("training", "validation", "test"):
            empty = not any("i0" in item["image"].rpartition("/")[2] for item in parts[split])
            assert (f"{split} masks has any foreground" in told) == empty
            found.add((split, empty))
    assert ("validation", True) in found
    assert ("test", True) in found

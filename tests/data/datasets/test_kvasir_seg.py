import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist, prepare_folder
from ssgnet_monai.data.datasets import prepare_dataset
from tests.picture_files import write_picture, write_values

STEMS = [f"cju0qkwl35piu0993l0dewei{digit}" for digit in range(8)]


@pytest.fixture
def owners_folder(tmp_path):
    """A miniature of the archive, doubled, with the side files of a copy: lossy JPEG masks, polyps on the left."""
    root = tmp_path / "source/Kvasir-SEG/Kvasir-SEG"
    for index, stem in enumerate(STEMS):
        mask = np.zeros((32, 40, 3))
        mask[4:12, 3:14] = 255
        write_picture(root / "images" / f"{stem}.jpg", index, (32, 40, 3))
        write_values(root / "masks" / f"{stem}.jpg", mask)
        write_picture(root / "annotated_images" / f"{stem}.jpg", index + 50, (32, 40, 3))
    (root / "kavsir_bboxes.json").write_text(json.dumps({STEMS[0]: {"height": 32, "width": 40, "bbox": []}}))
    (root / "images/Thumbs.db").write_bytes(b"x")
    return tmp_path / "source"


def stems(items):
    return [Path(item["image"]).stem for item in items]


def test_images_and_lossy_masks(owners_folder, tmp_path, caplog):
    datalist = load_datalist(prepare_dataset("kvasir_seg", owners_folder, tmp_path / "out", {"size": None}))
    items = [item for split in ("training", "validation", "test") for item in datalist[split]]
    assert len(items) == 8
    assert datalist["labels"]["1"] == "polyp"
    assert datalist["group_source"].startswith("none")
    mask = np.asarray(Image.open(tmp_path / "out" / "masks" / f"{STEMS[0]}.png"))
    assert 0.9 < (mask == 1).sum() / (8 * 11) < 1.1
    assert "has 1000 images, this folder 8" in caplog.text


def test_tiles_of_one_image_stay_in_one_split(owners_folder, tmp_path):
    options = {"task": "classification", "tile": 16, "size": 16}
    datalist = load_datalist(prepare_dataset("kvasir_seg", owners_folder, tmp_path / "out", options))
    assert datalist["classes"] == ["negative", "positive"]
    split_of = {}
    for split in ("training", "validation", "test"):
        for item in datalist[split]:
            assert item["class"] == ("positive" if item["image"].endswith("_00_00.png") else "negative")
            assert "label" not in item
            assert split_of.setdefault(item["group"], split) == split
    assert sorted(split_of) == STEMS
    assert set(split_of.values()) == {"training", "validation", "test"}


def test_published_lists(owners_folder, tmp_path):
    (owners_folder / "train.txt").write_text("\n".join(STEMS[:6]))
    (owners_folder / "val.txt").write_text("\n".join(STEMS[6:]) + "\n")
    lists = {"train": "train.txt", "test": "val.txt"}
    datalist = load_datalist(
        prepare_dataset("kvasir_seg", owners_folder, tmp_path / "out", {"lists": lists, "size": 16})
    )
    assert stems(datalist["test"]) == STEMS[6:]
    assert len(datalist["training"]) == 5
    assert len(datalist["validation"]) == 1


def test_unknown_task(owners_folder, tmp_path):
    with pytest.raises(ValueError, match="Expected task segmentation or classification, got 'tiles'"):
        prepare_dataset("kvasir_seg", owners_folder, tmp_path / "out", {"task": "tiles"})


@pytest.fixture
def real_polyps(realdata, tmp_path):
    for kind in ("images", "masks"):
        (tmp_path / "polyps" / kind).mkdir(parents=True)
        for file in sorted((realdata("kvasir_seg") / kind).iterdir())[:24]:
            shutil.copy(file, tmp_path / "polyps" / kind)
    return tmp_path / "polyps"


def test_real_images_are_prepared_as_a_folder_of_them(real_polyps, tmp_path):
    datalist = load_datalist(prepare_dataset("kvasir_seg", real_polyps, tmp_path / "out", {"size": 16}))
    plain = load_datalist(prepare_folder(real_polyps, None, tmp_path / "plain", foreground="polyp", size=16))
    for split in ("training", "validation", "test"):
        assert stems(datalist[split]) == stems(plain[split])
    assert datalist["labels"] == plain["labels"]


def test_tiles_of_real_images(real_polyps, tmp_path):
    options = {"task": "classification", "tile": 128, "min_fraction": 0.05, "size": 16}
    datalist = load_datalist(prepare_dataset("kvasir_seg", real_polyps, tmp_path / "out", options))
    items = [item for split in ("training", "validation", "test") for item in datalist[split]]
    assert len(items) == 4 * 24
    assert 0.3 < sum(item["class"] == "positive" for item in items) / len(items) < 0.9

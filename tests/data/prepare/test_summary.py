"""What a preparation warns of: copies, and images that look alike on both sides of the split."""

import json
import logging
import shutil

import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist, prepare_folder
from ssgnet_monai.data.phantom import draw_phantom, plan_phantom
from ssgnet_monai.data.splits import SPLIT_NAMES


@pytest.fixture
def images(tmp_path):
    """Twenty photographs."""
    (tmp_path / "images").mkdir()
    for index, plan in enumerate(plan_phantom((10, 10), 0)):
        photograph = Image.fromarray(draw_phantom(plan, index, 64, 0)[0])
        photograph.save(tmp_path / "images" / f"case{index:02d}.png")
    return tmp_path / "images"


def prepared(images, out, **options):
    datalist = load_datalist(prepare_folder(images, None, out, size=64, **options))
    place = {item["image"].rpartition("/")[2]: split for split in SPLIT_NAMES for item in datalist[split]}
    return place, json.loads((out / "prepare.json").read_text())


def test_pictures_that_look_alike_across_splits_are_named(images, tmp_path, caplog):
    for index in range(20):
        with Image.open(images / f"case{index:02d}.png") as picture:
            picture.save(images / f"case{index:02d}_again.jpg", quality=70)
    caplog.set_level(logging.INFO)
    place, found = prepared(images, tmp_path / "out")
    apart = {
        frozenset((f"images/case{i:02d}.png", f"images/case{i:02d}_again.png"))
        for i in range(20)
        if place[f"case{i:02d}.png"] != place[f"case{i:02d}_again.png"]
    }
    pairs = found["images"]["near_duplicate_pairs"]
    assert {frozenset(pair["images"]) for pair in pairs} == apart
    assert found["images"]["near_duplicates"] == len(apart) > 1
    assert all(
        [place[image.rpartition("/")[2]] for image in pair["images"]] == pair["splits"] and pair["different_bits"] <= 32
        for pair in pairs
    )
    warning = next(record.message for record in caplog.records if "look alike" in record.message)
    assert all(f"{image} ({split})" in warning for image, split in zip(*list(pairs[0].values())[:2], strict=True))
    place, found = prepared(images, tmp_path / "grouped", groups=r"^(case\d+)")
    assert found["images"]["near_duplicates"] == 0
    assert not any("look alike" in warning for warning in found["warnings"])


def test_copies_are_named_and_share_a_split_whatever_their_groups(images, tmp_path):
    for index in range(10):
        shutil.copy(images / f"case{index:02d}.png", images / f"zopy{index:02d}.png")
    place, found = prepared(images, tmp_path / "out", groups=r"(.*)")
    assert found["images"]["identical_files"] == [
        [f"images/case{index:02d}.png", f"images/zopy{index:02d}.png"] for index in range(10)
    ]
    assert all(place[f"case{index:02d}.png"] == place[f"zopy{index:02d}.png"] for index in range(10))
    assert found["images"]["near_duplicates"] == 0
    assert any("such as images/case00.png and images/zopy00.png" in warning for warning in found["warnings"])

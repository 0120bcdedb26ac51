import json
import logging

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import datalist_sha256, load_datalist, save_datalist
from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.grow import class_sizes, grow_datalist, missing_images


@pytest.fixture
def dataset(tmp_path):
    """Five benign and two malignant training images, one of each to validate and to test."""
    folder = tmp_path / "data"
    folder.mkdir()
    splits = {"training": "bbbbbmm", "validation": "bm", "test": "bm"}
    content = {"classes": ["benign", "malignant"]}
    for split, letters in splits.items():
        names = [f"{split}{i}.png" for i in range(len(letters))]
        for name in names:
            Image.fromarray(np.zeros((2, 2), np.uint8)).save(folder / name)
        classes = ["benign" if letter == "b" else "malignant" for letter in letters]
        content[split] = [{"image": n, "class": c, "origin": "real"} for n, c in zip(names, classes, strict=True)]
    save_datalist(content, folder / "datalist.json")
    return folder


def generator(dataset, name, count, **changes):
    """The ``synthetic.json`` of a generator of one class."""
    folder = dataset.parent / f"generator_{name}"
    (folder / "images").mkdir(parents=True)
    entries = []
    for seed in range(count):
        (folder / "images" / f"seed{seed}.png").write_bytes(b"x")
        provenance = {"origin": "synthetic", "generator_sha256": "f" * 64, "datalist_sha256": datalist_sha256(dataset)}
        entries.append({"image": f"images/seed{seed}.png", "class": name, "seed": seed, **provenance, **changes})
    write_json(folder / "synthetic.json", {"unlabeled": entries})
    return folder / "synthetic.json"


@pytest.mark.parametrize(
    ("target", "extra", "needed"),
    [
        ("balanced", 0, {"a": 0, "b": 252}),
        ("balanced", 0.2, {"a": 79, "b": 331}),  # int(0.2 * 399) = int(79.8)
        ("balanced", 0.5, {"a": 199, "b": 451}),
        (200, 0, {"a": 0, "b": 53}),
        (200, 0.5, {"a": 100, "b": 153}),
        (0, 0.5, {"a": 0, "b": 0}),
    ],
)
def test_counts_by_hand(target, extra, needed):
    assert missing_images({"a": 399, "b": 147}, target, extra) == needed


@pytest.mark.parametrize("values", [("largest", 0), (-1, 0), (True, 0), (1.5, 0), (5, -0.1), (5, "0.2"), (5, np.inf)])
def test_a_target_or_share_that_is_none_is_named(values):
    with pytest.raises(ValueError, match=r"Expected (target|extra) .* got"):
        missing_images({"a": 1}, *values)


def test_class_sizes_are_by_name():
    assert list(class_sizes([{"class": "b"}, {"class": "a"}, {"class": "b"}]).items()) == [("a", 1), ("b", 2)]
    assert class_sizes([{}]) == {"all": 1}


def test_a_grown_list_holds_the_real_images_first_and_the_provenance_of_the_others(dataset, tmp_path):
    files = [generator(dataset, "benign", 2), generator(dataset, "malignant", 6)]
    out = grow_datalist(dataset, files, tmp_path / "elsewhere" / "grown.json", extra=0.2)
    before, grown = load_datalist(dataset), load_datalist(out)
    assert grown["training"][:7] == before["training"]
    assert (grown["validation"], grown["test"]) == (before["validation"], before["test"])
    added = grown["training"][7:]
    assert class_sizes(added) == {"benign": 1, "malignant": 4}
    assert len({item["image"] for item in added}) == 5
    assert all(item["origin"] == "synthetic" and item["generator_sha256"] == "f" * 64 for item in added)
    assert {item["datalist_sha256"] for item in added} == {datalist_sha256(dataset)}
    raw = json.loads(out.read_text())
    assert raw["training"][-1]["image"].startswith("../generator_malignant/images/seed")
    assert raw["growth"] == {
        "datalist_sha256": datalist_sha256(dataset),
        "target": "balanced",
        "extra": 0.2,
        "seed": 0,
        "added": {"benign": 1, "malignant": 4},
        "distinct": {"benign": 1, "malignant": 4},
    }


def test_the_draw_is_seeded_and_a_smaller_share_is_part_of_a_larger_one(dataset, tmp_path):
    files = [generator(dataset, "benign", 40), generator(dataset, "malignant", 40)]

    def drawn(name, **options):
        out = grow_datalist(dataset / "datalist.json", files, tmp_path / name, **options)
        return [item["image"] for item in load_datalist(out)["training"][7:]]

    assert drawn("a", target=20) == drawn("b", target=20) != drawn("c", target=20, seed=1)
    assert set(drawn("d", target=10)) < set(drawn("a", target=20))


def test_too_few_images_are_cycled_with_a_warning(dataset, tmp_path, caplog):
    files = [generator(dataset, "benign", 1), generator(dataset, "malignant", 2)]
    with caplog.at_level(logging.WARNING):
        out = grow_datalist(dataset, [*files, files[1]], tmp_path / "grown", target=7)
    assert "class 'malignant': 5 generated images are needed, there are 2: 3 short" in caplog.text
    content = load_datalist(out)
    images = [item["image"] for item in content["training"] if item["class"] == "malignant"][2:]
    assert sorted(images.count(image) for image in set(images)) == [2, 3]
    assert images[:2] == images[2:4]
    assert content["growth"]["distinct"] == {"benign": 1, "malignant": 2}


def test_what_cannot_be_grown_is_refused_and_nothing_written(dataset, tmp_path):
    malignant = generator(dataset, "malignant", 3)
    out = tmp_path / "grown"
    with pytest.raises(ValueError, match=r"class 'benign' \(1 are needed\), got images of \['malignant'\]"):
        grow_datalist(dataset, [malignant], out, extra=0.2)
    with pytest.raises(ValueError, match=r"apart from the list of real images"):
        grow_datalist(dataset, [malignant], dataset)
    with pytest.raises(ValueError, match="may be test images here"):
        grow_datalist(dataset, [generator(dataset, "benign", 1, datalist_sha256="0" * 64)], out)
    (malignant.parent / "images" / "seed1.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of \d+ missing, first .*seed1\.png"):
        grow_datalist(dataset, [malignant], out)
    assert not out.exists()
    (malignant.parent / "images" / "seed1.png").touch()
    grow_datalist(dataset, [malignant], out)
    with pytest.raises(ValueError, match=r"got 3 synthetic ones in .*grown"):
        grow_datalist(out, [malignant], tmp_path / "again")

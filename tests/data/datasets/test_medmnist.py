import logging
import zipfile
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.datasets import adapters, find_adapter, prepare_dataset

NUMBERS = {"train": 6, "val": 2, "test": 3}


def arrays(size=28, channels=(), labels=2):
    random = np.random.default_rng(0)
    content = {}
    for split, number in NUMBERS.items():
        content[f"{split}_images"] = random.integers(0, 256, (number, size, size, *channels), np.uint8)
        content[f"{split}_labels"] = (np.arange(number, dtype=np.uint8) % labels)[:, None]
    return content


def write(folder, name="breastmnist.npz", **changed):
    folder.mkdir(exist_ok=True)
    np.savez_compressed(folder / name, **{**arrays(), **changed})
    return folder


def prepare(folder, name="breastmnist", **options):
    return load_datalist(prepare_dataset(name, folder, folder.parent / "out", options))


def test_official_splits_sizes_and_names(tmp_path, caplog):
    content = arrays()
    with caplog.at_level(logging.WARNING):
        datalist = prepare(write(tmp_path / "source"))
    assert datalist["classes"] == ["malignant", "normal_or_benign"]
    assert [len(datalist[split]) for split in ("training", "validation", "test")] == [6, 2, 3]
    item = datalist["test"][1]
    assert item["class"] == "normal_or_benign"
    assert "group" not in item
    assert np.array_equal(np.asarray(Image.open(item["image"])), content["test_images"][1])
    assert "the owner's version 3 has 750601b1f35ba3300ea97c75c52ff8f6" in caplog.text
    assert "the owner's file has (546, 78, 156) images, breastmnist.npz has (6, 2, 3)" in caplog.text


def test_an_unchanged_file_is_not_read_again(tmp_path):
    prepare(write(tmp_path / "source"))
    picture = tmp_path / "out/staging/test/test_000001.png"
    before = picture.stat().st_mtime_ns
    prepare(tmp_path / "source")
    assert picture.stat().st_mtime_ns == before
    write(tmp_path / "source", test_images=np.zeros((3, 28, 28), np.uint8))
    prepare(tmp_path / "source")
    assert not np.asarray(Image.open(picture)).any()


def test_colour_and_labels_of_which_only_the_numbers_are_known(tmp_path):
    write(tmp_path / "source", "bloodmnist_64.npz", **arrays(64, (3,), labels=8))
    datalist = prepare(tmp_path / "source", "bloodmnist", size=32)
    assert datalist["classes"] == [f"label_{number}" for number in range(6)]
    assert datalist["num_channels"] == 3
    assert datalist["image_size"] == [32, 32]
    assert Image.open(datalist["training"][0]["image"]).size == (32, 32)


def test_one_size_of_several_is_named(tmp_path):
    write(write(tmp_path / "source"), "breastmnist_64.npz", **arrays(64))
    with pytest.raises(ValueError, match=r"Expected pixels=SIZE, as .* holds breastmnist of \[28, 64\] pixels"):
        prepare(tmp_path / "source")
    assert Image.open(prepare(tmp_path / "source", pixels=64)["test"][0]["image"]).size == (64, 64)
    with pytest.raises(ValueError, match=r"Expected pixels out of \[28, 64, 128, 224\], got 32"):
        prepare(tmp_path / "source", pixels=32)
    with pytest.raises(FileNotFoundError, match=r"Expected \{breastmnist_224.npz\}"):
        prepare(tmp_path / "source", pixels=224)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"val_images": np.zeros((2, 64, 64), np.uint8)},
            r"Expected uint8 images of shape \('N', 28, 28\), got uint8 of",
        ),
        ({"val_images": np.zeros((2, 28, 28), np.int32)}, r"got int32 of \(2, 28, 28\) as val_images in"),
        ({"val_images": np.zeros((2, 28, 28))}, "Expected rows of integers, got float64"),
        ({"val_labels": np.array([["a"], ["b"]], object)}, "Expected rows of integers, got object"),
        ({"val_labels": np.zeros((2, 14), np.uint8)}, r"Expected one label for each of 2 images, got shape \(2, 14\)"),
        ({"test_labels": np.full((3, 1), 2, np.uint8)}, "Expected labels 0 to 1, got 2 in row 0 of test_labels"),
    ],
)
def test_arrays_that_are_not_medmnists(tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        prepare(write(tmp_path / "source", **changed))
    assert not (tmp_path / "out/datalist.json").exists()


def test_the_name_may_be_in_capitals(tmp_path):
    assert len(prepare(write(tmp_path / "source", "BreastMNIST.npz"))["test"]) == 3


def test_files_that_are_no_npz(tmp_path):
    path = write(tmp_path / "source") / "breastmnist.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"Expected a whole .npz file, got BadZipFile"):
        prepare(tmp_path / "source")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train_images.npy", b"no array")
    with pytest.raises(ValueError, match=r"found no \['test_images', .*'val_labels'\] among \['train_images'\]"):
        prepare(tmp_path / "source")
    assert not (tmp_path / "out").exists()


def test_several_labels_an_image_are_refused(tmp_path):
    with pytest.raises(ValueError, match="chestmnist has 14 findings"):
        prepare(write(tmp_path / "source"), "chestmnist")
    assert not (tmp_path / "out").exists()


def test_larger_files_are_downloaded_only_when_named():
    files = {file.name: file for file in find_adapter("breastmnist").files}
    assert [name for name, file in files.items() if not file.optional] == ["breastmnist.npz"]
    assert files["breastmnist_224.npz"].md5 == "b56378a6eefa9fed602bb16d192d4c8b"
    hashes = [file.md5 for adapter in adapters().values() for file in adapter.files if file.md5]
    assert len(hashes) == len(set(hashes))
    assert {len(md5) for md5 in hashes} == {32}


def test_real_images(realdata, tmp_path):
    images = find_adapter("breastmnist").read(realdata("breastmnist.npz").parent, tmp_path)
    assert Counter((image.split, image.class_name) for image in images) == {
        ("training", "malignant"): 147, ("training", "normal_or_benign"): 399,
        ("validation", "malignant"): 21, ("validation", "normal_or_benign"): 57,
        ("test", "malignant"): 42, ("test", "normal_or_benign"): 114,
    }  # fmt: skip
    assert Image.open(images[0].image).size == (28, 28)

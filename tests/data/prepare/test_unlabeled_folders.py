"""Images that nobody has labelled, in folders of their own."""

import json

import numpy as np
import pytest
from PIL import Image

from ssgnet_monai.cli import main
from ssgnet_monai.data import load_datalist, prepare_folder
from ssgnet_monai.data.datalist import SPLITS
from tests.volume_files import write as write_volume

SIDE = 16


def noise(path, seed, shape=(SIDE, SIDE, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8)).save(path)
    return path


def labelled(root, number=10, name="p{:02d}_a"):
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[4:10, 4:12] = 255
    for index in range(number):
        noise(root / "images" / f"{name.format(index)}.png", index)
        (root / "masks").mkdir(exist_ok=True)
        Image.fromarray(mask).save(root / "masks" / f"{name.format(index)}.png")
    return root


def names(items):
    return sorted(item["image"].rsplit("/")[-1].removesuffix(".png") for item in items)


def warnings(path):
    return " ".join(json.loads((path.parent / "prepare.json").read_text())["warnings"])


@pytest.mark.parametrize("folder", ["unlabeled", "Unlabelled"])
@pytest.mark.parametrize("root", [True, False])
def test_the_folder_beside_the_images_is_found(tmp_path, folder, root):
    labelled(tmp_path)
    noise(tmp_path / folder / "sub" / "u1.jpg", 100)
    noise(tmp_path / folder / "p03_a.png", 101)  # a name that is taken
    images = tmp_path if root else tmp_path / "images"
    path = prepare_folder(images, None if root else tmp_path / "masks", tmp_path / "out")
    datalist = load_datalist(path)
    assert names(datalist["unlabeled"]) == ["u1", "unlabeled_p03_a"]
    assert [set(item) for item in datalist["unlabeled"]] == [{"image", "class", "origin"}] * 2
    assert [len(datalist[split]) for split in SPLITS] == [7, 1, 2, 2]
    assert prepare_folder(images, None if root else tmp_path / "masks", tmp_path / "none", unlabeled=[]).is_file()
    assert not load_datalist(tmp_path / "none")["unlabeled"]


def test_folders_by_name_and_images_without_mask(tmp_path):
    labelled(tmp_path / "in")
    (tmp_path / "in" / "masks" / "p09_a.png").unlink()
    noise(tmp_path / "one" / "u.png", 100)
    noise(tmp_path / "two" / "u.png", 101)
    words = ["data", "prepare", "--images", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--unlabeled-ok"]
    assert main([*words, "--unlabeled", str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    datalist = load_datalist(tmp_path / "out")
    assert names(datalist["unlabeled"]) == ["p09_a", "u", "unlabeled_u"]
    pixels = [np.asarray(Image.open(item["image"])).sum() for item in datalist["unlabeled"]]
    assert len(set(pixels)) == 3


@pytest.mark.parametrize("table", [True, False])
def test_patients_of_validation_and_test_are_left_out(tmp_path, table):
    labelled(tmp_path)
    for index in range(10):
        noise(tmp_path / "unlabeled" / f"p{index:02d}_b.png", 100 + index)
    groups = r"^(p\d+)"
    if table:
        groups = tmp_path / "groups.csv"
        rows = [f"p{index:02d}_a,P{index}\np{index:02d}_b.png,p{index}" for index in range(10)]  # another spelling
        groups.write_text("stem,patient\n" + "\n".join(rows))
    path = prepare_folder(tmp_path, None, tmp_path / "out", groups=groups)
    datalist = load_datalist(path)
    patients = {name[:3] for name in names(datalist["training"])}
    assert {name[:3] for name in names(datalist["unlabeled"])} == patients
    assert len(datalist["unlabeled"]) == len(patients) == 7
    assert "3 images without mask share a patient with validation or test: left out" in warnings(path)
    if table:
        groups.write_text("stem,patient\n" + "\n".join(rows[:9]) + "\np09_a,P9")
        with pytest.raises(ValueError, match=r"group for every image in .*none for 1 of 10: p09_b"):
            prepare_folder(tmp_path, None, tmp_path / "out", groups=groups)


def test_copies_of_test_images_are_left_out_and_look_alikes_told(tmp_path):
    labelled(tmp_path)
    smooth = np.linspace(0, 200, SIDE * SIDE).reshape(SIDE, SIDE)
    for index in range(10):
        bumps = np.random.default_rng(index).normal(0, 40, (4, 4)).repeat(4, 0).repeat(4, 1)
        pixels = (smooth + bumps).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"p{index:02d}_a.png")
        (tmp_path / "unlabeled").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "unlabeled" / f"copy{index:02d}.png")
        brighter = (pixels.astype(int) + 3).clip(0, 255).astype(np.uint8)
        Image.fromarray(brighter).save(tmp_path / "unlabeled" / f"like{index:02d}.png")
    path = prepare_folder(tmp_path, None, tmp_path / "out")
    datalist = load_datalist(path)
    held_out = {name[1:3] for split in ("validation", "test") for name in names(datalist[split])}
    copies = {name[4:] for name in names(datalist["unlabeled"]) if name.startswith("copy")}
    assert len(held_out) == 3
    assert not copies & held_out
    assert len(copies) == 7
    assert "pairs of images in different splits look alike" in warnings(path)


def test_classes_of_unlabelled_images(tmp_path):
    for name in ("benign", "malignant"):
        for index in range(6):
            noise(tmp_path / "images" / name / f"{name}{index}.png", index + 50 * (name == "benign"))
            (tmp_path / "masks" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.eye(SIDE, dtype=np.uint8)).save(tmp_path / "masks" / name / f"{name}{index}.png")
    noise(tmp_path / "unlabeled" / "benign" / "u1.png", 200)
    noise(tmp_path / "unlabeled" / "u2.png", 201)
    path = prepare_folder(tmp_path, None, tmp_path / "out", classes="folders")
    datalist = load_datalist(path)
    assert datalist["classes"] == ["benign", "malignant"]
    assert {name: item.get("class") for item in datalist["unlabeled"] for name in names([item])} == {
        "u1": "benign",
        "u2": None,
    }
    assert json.loads((path.parent / "prepare.json").read_text())["splits"]["of no class"]["unlabeled"] == 1


@pytest.mark.parametrize("form", ["slices", "volumes"])
def test_unlabelled_volumes(tmp_path, form):
    generator = np.random.default_rng(0)
    for index in range(4):
        values = generator.integers(0, 900, (8, 9, 4)).astype(np.int16)
        write_volume(tmp_path / "images" / f"v{index}.nii.gz", values)
        write_volume(tmp_path / "masks" / f"v{index}.nii.gz", (values > 500).astype(np.uint8))
    write_volume(tmp_path / "unlabeled" / "u.nii.gz", generator.integers(0, 900, (8, 9, 4)).astype(np.int16))
    datalist = load_datalist(prepare_folder(tmp_path, None, tmp_path / "out", form=form, size=None))
    assert len(datalist["unlabeled"]) == (4 if form == "slices" else 1)
    assert not [item for item in datalist["unlabeled"] if "label" in item]


def test_bad_folders(tmp_path):
    labelled(tmp_path / "in")
    root = tmp_path / "in"

    def prepare(folder, **options):
        prepare_folder(root, None, tmp_path / "out", unlabeled=folder, **options)

    with pytest.raises(FileNotFoundError, match="folder of unlabelled images, found none at .*absent"):
        prepare(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"Expected pictures .* in .*empty, found none"):
        prepare([tmp_path / "empty"])
    for folder in (root, root / "images", root / "masks"):
        with pytest.raises(ValueError, match=r"in a folder of their own, got .*--unlabeled-ok"):
            prepare(folder)
    noise(tmp_path / "mixed" / "x.png", 1)
    noise(tmp_path / "mixed" / "x_mask.png", 2)
    with pytest.raises(ValueError, match=r"Expected images, found 1 of 2 files that are masks of others"):
        prepare(tmp_path / "mixed")
    noise(tmp_path / "other" / "x.png", 1)
    with pytest.raises(ValueError, match="output folder apart from the source"):
        prepare_folder(root, None, tmp_path / "other" / "out", unlabeled=tmp_path / "other")
    (root / "masks").rename(tmp_path / "masks")
    with pytest.raises(ValueError, match=r"masks of other images beside the unlabelled ones.*leave unlabeled out"):
        prepare(tmp_path / "other")

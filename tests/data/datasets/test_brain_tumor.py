import shutil
from pathlib import Path

import pytest
from PIL import Image

from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.datasets import prepare_dataset
from tests.picture_files import write_picture

NO = ("1 no.png", "44no.png", "N11.PNG", "no 9.png", "no.png", "No12.png")
YES = ("Y1.png", "Y100.PNG", "Y250.png", "Y3.png", "Y4.png")


@pytest.fixture
def owners_folder(tmp_path):
    """A miniature of the archive: two folders, and both again in a folder below; grey as L, RGB, RGBA and P."""
    root = tmp_path / "source"
    for index, name in enumerate((*NO, *YES)):
        path = root / ("no" if name in NO else "yes") / name
        write_picture(path, index)
        Image.open(path).convert(("L", "RGB", "RGBA", "P")[index % 4]).save(path)
    shutil.copytree(root / "yes", root / "brain_tumor_dataset/yes")
    shutil.copytree(root / "no", root / "brain_tumor_dataset/no")
    (root / "no/.DS_Store").write_bytes(b"x")
    return root


def items_of(path):
    datalist = load_datalist(path)
    return [item for split in ("training", "validation", "test") for item in datalist[split]]


def test_one_tree_is_read_and_names_have_spaces(owners_folder, tmp_path, caplog):
    items = items_of(prepare_dataset("brain_tumor", owners_folder, tmp_path / "out", {"size": 8}))
    assert len(items) == len(NO) + len(YES)
    assert next(item["class"] for item in items if Path(item["image"]).name == "1 no.png") == "no"
    assert "has 253 images, this folder 11" in caplog.text


def test_exact_copies_are_left_out_whatever_their_mode(owners_folder, tmp_path, caplog):
    Image.open(owners_folder / "no/1 no.png").convert("RGB").save(owners_folder / "no/no 91.png")
    items = items_of(prepare_dataset("brain_tumor", owners_folder, tmp_path / "out", {"size": 8}))
    assert len(items) == len(NO) + len(YES)
    shutil.copy(owners_folder / "no/no.png", owners_folder / "yes/Y77.png")
    items = items_of(prepare_dataset("brain_tumor", owners_folder, tmp_path / "out2", {"size": 8}))
    assert len(items) == len(NO) + len(YES) - 1
    assert "in both folders and left out: no.png." in caplog.text


def test_another_dataset_of_brain_tumours(tmp_path):
    write_picture(tmp_path / "source/glioma/1.png", 1)
    with pytest.raises(FileNotFoundError, match=r"Expected \{no, yes\} .*found glioma"):
        prepare_dataset("brain_tumor", tmp_path / "source", tmp_path / "out", {})


def test_a_cut_file_is_named(owners_folder, tmp_path):
    path = owners_folder / "yes/Y1.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match=r"Expected a readable picture.*Y1\.png"):
        prepare_dataset("brain_tumor", owners_folder, tmp_path / "out", {})
    assert not (tmp_path / "out").exists()

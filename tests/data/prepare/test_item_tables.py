from pathlib import Path

import pytest

from ssgnet_monai.data.image_files import ImagePair, find_images
from ssgnet_monai.data.prepare.item_tables import read_classes


def pairs(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return [ImagePair(path.stem, path, None) for path in find_images(root)]


def test_side_folders_are_no_classes_and_nested_ones_belong_to_the_outermost(tmp_path):
    names = ("in situ/a.png", "in situ/left/b.png", "normal/right/deep/c.png", "__MACOSX/in situ/a.png", ".cache/d.png")
    found = read_classes(pairs(tmp_path, *names), "folders", tmp_path)
    assert found == {"a": "in situ", "b": "in situ", "c": "normal"}


def test_splits_are_not_taken_for_classes(tmp_path):
    found = pairs(tmp_path, "train/NORMAL/a.png", "Test/NORMAL/b.png", "val/PNEUMONIA/c.png")
    with pytest.raises(ValueError, match=r"class folders in .*, found splits: \['Test', 'train', 'val'\].*CSV"):
        read_classes(found, "folders", tmp_path)


@pytest.mark.parametrize("name", ["a:b", "-x", "all", "(1)"])
def test_class_names_unfit_for_folders_are_named(tmp_path, name):
    found = [ImagePair("a", Path("a.png"), None), ImagePair("b", Path("b.png"), None)]
    (tmp_path / "t.csv").write_text(f"a,{name}\nb,good\n")
    with pytest.raises(ValueError, match="Expected class names of letters.*rename the classes"):
        read_classes(found, tmp_path / "t.csv", tmp_path)

import unicodedata
from pathlib import Path

import pytest

from ssgnet_monai.data.image_files import ImagePair, find_images
from ssgnet_monai.data.prepare.item_tables import read_classes, read_groups, read_splits


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


@pytest.mark.parametrize(
    "names",
    [
        ("training_set", "test_set"),
        ("Train", "val_images"),
        ("trainset", "TestData"),
        ("fold1", "fold2"),
        ("x_train", "x_test"),
        ("ISIC2018_Training", "ISIC2018_Test"),
        ("train", "eval"),
        ("labeled", "unlabeled"),
    ],
)
def test_splits_are_known_by_how_their_names_begin_or_end(tmp_path, names):
    found = pairs(tmp_path, *(f"{name}/benign/{name}.png" for name in names))
    with pytest.raises(ValueError, match="found splits"):
        read_classes(found, "folders", tmp_path)


@pytest.mark.parametrize(
    "names",
    [
        ("test positive", "test negative"),
        ("testis", "valve", "trained"),
        ("dev", "a"),
        ("x_benign", "x_test"),
        ("benign_train", "malignant_train"),
        ("labeled", "a"),
    ],
)
def test_classes_that_begin_like_splits_stay_classes(tmp_path, names):
    found = pairs(tmp_path, *(f"{name}/{number}.png" for number, name in enumerate(names)))
    assert set(read_classes(found, "folders", tmp_path).values()) == set(names)


def test_accents_of_a_mac_and_combining_marks_are_letters(tmp_path):
    names = [unicodedata.normalize("NFD", "Mélanome"), "कैंसर", "सामान्य", "خوش\u200cخیم"]
    found = pairs(tmp_path, *(f"{name}/{number}.png" for number, name in enumerate(names)))
    assert sorted(read_classes(found, "folders", tmp_path).values()) == sorted(["Mélanome", *names[1:]])


@pytest.mark.parametrize("names", [("benign", "Benign"), ("in situ", "in_situ"), ("a b", "a+b"), ("b", "b ")])
def test_class_folders_whose_names_nearly_agree_are_refused(tmp_path, names):
    found = pairs(tmp_path, *(f"{name}/{number}.png" for number, name in enumerate(("other", *names))))
    with pytest.raises(ValueError, match="Expected (classes that differ|one folder)"):
        read_classes(found, "folders", tmp_path)


def test_one_class_folder_in_two_codings_is_refused(tmp_path):
    names = ("Mélanome", unicodedata.normalize("NFD", "Mélanome"), "other")
    found = pairs(tmp_path, *(f"{name}/{number}.png" for number, name in enumerate(names)))
    with pytest.raises(ValueError, match=r"one folder for class 'Mélanome'.*'Me\\u0301lanome', 'M\\xe9lanome'"):
        read_classes(found, "folders", tmp_path)


def test_numbers_written_in_two_ways_are_one_group_and_no_two_classes(tmp_path):
    found = [ImagePair(f"i{k}", Path(f"i{k}.png"), None) for k in range(6)]
    rows = ["1", "1.0", "001", "2", "2.0", "3.5"]
    (tmp_path / "g.csv").write_text("image,patient\n" + "".join(f"i{k},{row}\n" for k, row in enumerate(rows)))
    assert list(read_groups(found, tmp_path / "g.csv").values()) == ["1", "1", "1", "2", "2", "3.5"]
    (tmp_path / "c.csv").write_text("image,class\n" + "".join(f"i{k},{row}\n" for k, row in enumerate(rows)))
    with pytest.raises(ValueError, match=r"form of a number, got '001' and '1' and '1\.0'|got '001' and '1'"):
        read_classes(found, tmp_path / "c.csv", tmp_path)


def test_splits_of_a_table_by_their_usual_words(tmp_path):
    found = [ImagePair(stem, Path(f"{stem}.nii.gz"), None) for stem in "abcdef"]
    words = ["train", "Training", "val", "validation", "test", "unlabelled"]
    rows = "".join(f"{stem},p{stem},{word}\n" for stem, word in zip("abcdef", words, strict=True))
    (tmp_path / "t.csv").write_text("case,patient,split\n" + rows)
    expected = ["training", "training", "validation", "validation", "test", "unlabeled"]
    assert list(read_splits(found, tmp_path / "t.csv").values()) == expected
    (tmp_path / "t.csv").write_text("case,ua_mt_split\n" + "".join(f"{stem},train\n" for stem in "abcdef"))
    with pytest.raises(ValueError, match=r"column called split.*Name the one that holds it: t.csv:COLUMN"):
        read_splits(found, tmp_path / "t.csv")
    assert read_splits(found, f"{tmp_path / 't.csv'}:ua_mt_split") == {}  # the others are to be drawn
    assert read_splits(found, None) == {}


@pytest.mark.parametrize("word", ["7", "fold1", "labelled", "tumour"])
def test_a_word_that_is_no_split_is_named(tmp_path, word):
    found = [ImagePair(stem, Path(f"{stem}.png"), None) for stem in "ab"]
    (tmp_path / "t.csv").write_text(f"image,split\na,train\nb,{word}\n")
    with pytest.raises(ValueError, match=rf"training, validation, test or unlabeled .*got {word}, such as for b"):
        read_splits(found, tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("image,split\na,train\nb,\n")
    with pytest.raises(ValueError, match="found none for 1 of 2: b"):
        read_splits(found, tmp_path / "t.csv")

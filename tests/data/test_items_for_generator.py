from pathlib import Path

import pytest

from ssgnet_monai.data import generator_choice, generator_items, split_labeled

DATALIST = {
    "training": [{"image": f"{i}.png", "label": f"m{i}.png", "class": "ab"[i % 2]} for i in range(20)],
    "test": [{"image": "t.png", "label": "mt.png", "class": "a"}],
}


def test_generators_see_training_images_of_their_class_only():
    assert [i["image"] for i in generator_items(DATALIST, "a")] == [f"{i}.png" for i in range(0, 20, 2)]
    assert len(generator_items(DATALIST)) == 20


SLICES = {
    "training": [
        {"image": f"{patient}_{k}.png", "label": "m", "class": "ab"[k % 2], "group": patient}
        for patient in ("p1", "p2", "p3", "007")
        for k in range(5)
    ]
}


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"num_labeled": 11},
        {"num_labeled": 11, "seed": 3},
        {"num_labeled": 11, "labeled_by": "image"},
        {"labeled_list": ["p2", "007", "p1_3"]},
    ],
)
def test_labeled_images_are_exactly_those_that_the_segmenter_has_masks_of(tmp_path: Path, choice):
    labeled = split_labeled(SLICES["training"], **choice)[0]
    assert generator_items(SLICES, generator_images="labeled", **choice) == labeled
    assert generator_items(SLICES, "b", "labeled", **choice) == [item for item in labeled if item["class"] == "b"]
    assert generator_items(SLICES, generator_images="all", **choice) == SLICES["training"]
    if names := choice.get("labeled_list"):
        (tmp_path / "names.txt").write_text("\n".join(names))
        assert generator_items(SLICES, "all", "labeled", labeled_list=tmp_path / "names.txt") == labeled


UNLABELED = [
    {"image": "u0.png", "class": "a", "origin": "real"},
    {"image": "u1.png"},
    {"image": "u2.png", "class": "b"},
    {"image": "u3.png", "class": "a", "origin": "synthetic"},
]


@pytest.mark.parametrize(
    ("options", "wanted", "told"),
    [
        ({}, ["u0.png", "u1.png", "u2.png"], "'all': 20 training images, 3 that"),
        ({"conditional": True}, ["u0.png", "u2.png"], "'all': 20 training images, 2 that"),
        ({"class_name": "a"}, ["u0.png"], "'a': 10 training images, 1 that"),
        ({"generator_images": "labeled"}, [], "'all': 20 training images, 0 that"),
    ],
)
def test_generators_see_the_images_that_nobody_has_labelled(options, wanted, told, caplog):
    caplog.set_level("INFO")
    found = generator_items({**DATALIST, "unlabeled": UNLABELED}, **options)
    training = generator_items(DATALIST, options.get("class_name", "all"))
    assert found[: len(training)] == training
    assert [item["image"] for item in found[len(training) :]] == wanted
    assert told in caplog.text


def test_a_class_may_have_images_without_masks_only():
    datalist = {**DATALIST, "unlabeled": [{"image": "u.png", "class": "c"}]}
    assert [item["image"] for item in generator_items(datalist, "c")] == ["u.png"]


def test_a_reviewed_synthetic_image_takes_part_in_the_draw_and_is_no_image_of_a_generator():
    reviewed = [{**item, "origin": "synthetic", "reviewed": True} for item in DATALIST["training"][:10]]
    mixed = {"training": [*reviewed, *DATALIST["training"][10:]]}
    labeled = split_labeled(mixed["training"], 12)[0]
    assert 0 < sum("origin" in item for item in labeled) < 12
    assert generator_items(mixed, "all", "labeled", 12) == [item for item in labeled if "origin" not in item]


def test_a_checkpoint_records_whatever_decides_which_images_they_are(tmp_path: Path):
    (tmp_path / "names.txt").write_text("p1\n007\n")
    assert generator_choice("all", 6, None, "group", 3) is None
    assert generator_choice("labeled", 6, None, "group", 3) == [6, 3]  # as versions before lists wrote it
    assert generator_choice("labeled", 6, None, "image", 3) == [6, 3, "image"]
    assert generator_choice("labeled", None, tmp_path / "names.txt", "group", 3) == ["p1", "007"]


def test_images_of_a_grown_list_are_no_training_images_of_a_generator():
    synthetic = [{"image": f"s{i}.png", "class": "b", "origin": "synthetic"} for i in range(5)]
    grown = {"training": [*DATALIST["training"], *synthetic]}
    for options in ({}, {"class_name": "b"}):
        assert generator_items(grown, **options) == generator_items(DATALIST, **options)
    with pytest.raises(ValueError, match="Expected real training images, got 5 synthetic"):
        generator_items(grown, generator_images="labeled", num_labeled=20)  # as the segmenter refuses it


def test_wrong_words_are_named():
    with pytest.raises(ValueError, match="'all' or 'labeled', got 'some'"):
        generator_items(DATALIST, generator_images="some")
    with pytest.raises(ValueError, match="'all' or 'labeled', got 'some'"):
        generator_choice("some", None, None, "group", 0)
    with pytest.raises(ValueError, match="'c'"):
        generator_items(DATALIST, "c")

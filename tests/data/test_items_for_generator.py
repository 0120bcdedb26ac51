import pytest

from ssgnet_monai.data import generator_items, hide_labels

DATALIST = {
    "training": [{"image": f"{i}.png", "label": f"m{i}.png", "class": "ab"[i % 2]} for i in range(20)],
    "test": [{"image": "t.png", "label": "mt.png", "class": "a"}],
}


def test_generators_see_training_images_of_their_class_only():
    assert [i["image"] for i in generator_items(DATALIST, "a")] == [f"{i}.png" for i in range(0, 20, 2)]
    assert len(generator_items(DATALIST)) == 20


def test_labeled_means_the_images_that_the_segmenter_has_masks_of():
    chosen = generator_items(DATALIST, generator_images="labeled", num_labeled=6, seed=3)
    assert chosen == hide_labels(DATALIST["training"], 6, 3)[0]
    assert len(generator_items(DATALIST, generator_images="labeled")) == 20
    assert len(generator_items(DATALIST, generator_images="all", num_labeled=6)) == 20


def test_images_of_a_grown_list_are_no_training_images_of_a_generator():
    synthetic = [{"image": f"s{i}.png", "class": "b", "origin": "synthetic"} for i in range(5)]
    grown = {"training": [*DATALIST["training"], *synthetic]}
    for options in ({}, {"class_name": "b"}, {"generator_images": "labeled", "num_labeled": 20}):
        assert generator_items(grown, **options) == generator_items(DATALIST, **options)


def test_wrong_words_are_named():
    with pytest.raises(ValueError, match="'all' or 'labeled', got 'some'"):
        generator_items(DATALIST, generator_images="some")
    with pytest.raises(ValueError, match="'c'"):
        generator_items(DATALIST, "c")

import json

import pytest

from ssgnet_monai.data.label_file import find_labels, read_labels
from ssgnet_monai.data.label_space import IGNORED

RED, GREEN = 0x0000FF, 0x00FF00  # red + 256 green + 65536 blue


@pytest.mark.parametrize(
    ("labels", "names", "values"),
    [
        ({"0": "background", "1": "organ", "2": "tumour"}, ["organ", "tumour"], {0: 0, 1: 1, 2: 2}),
        ({255: "polyp"}, ["polyp"], {255: 1}),
        (
            {"background": 0, "liver": 4, "cyst": [1, 2], "ignore": 9},
            ["cyst", "liver"],
            {0: 0, 1: 1, 2: 1, 4: 2, 9: IGNORED},
        ),
        ({"labels": {"background": 0, "organ": 1}, "channel_names": {"0": "CT"}}, ["organ"], {0: 0, 1: 1}),
        ({"3": "background", "0": "ignored", "1": "one"}, ["one"], {0: IGNORED, 1: 1, 3: 0}),
        ({"2": "same", "1": "same", "7": "other"}, ["same", "other"], {1: 1, 2: 1, 7: 2}),
    ],
)  # fmt: skip
def test_values_in_either_direction(tmp_path, labels, names, values):
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    for given in (labels, json.dumps(labels), tmp_path / "labels.json", str(tmp_path / "labels.json")):
        found = read_labels(given)
        assert found.names == ("background", *names)
        assert found.values == values


def test_class_0_need_not_be_called_background():
    assert read_labels({"0": "healthy", "1": "sick"}).names == ("healthy", "sick")


def test_colours_and_parts(tmp_path):
    by_colour = {"#000000": "background", "#FF0000": "cup", "#00ff00": "disc"}
    for labels in (by_colour, {"cup": "#ff0000", "disc": "#00FF00"}):
        found = read_labels(labels)
        assert found.names == ("background", "cup", "disc")
        assert {code: number for code, number in found.colours.items() if code} == {RED: 1, GREEN: 2}
    found = read_labels({"_Organ": "liver", "tumour": "lesion"})
    assert (found.names, found.parts) == (("background", "liver", "lesion"), {"organ": 1, "tumour": 2})


@pytest.mark.parametrize(
    "text",
    [
        "value,name\n0,background\n1,cup\n2,disc\n",
        "1,cup\n2,disc\n",
        "name,value\ncup,1\ndisc,2\n",
        "\ufeffcup , 1\ndisc,2",
    ],
)
def test_tables(tmp_path, text):
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    found = read_labels(tmp_path / "labels.csv")
    assert found.names == ("background", "cup", "disc")
    assert {value: number for value, number in found.values.items() if value} == {1: 1, 2: 2}


def test_a_table_of_red_green_and_blue(tmp_path):
    (tmp_path / "class_dict.csv").write_text("name, r, g, b\nVoid,0,0,0\ncup,255,0,0\ndisc,0,255,0\n")
    found = read_labels(tmp_path / "class_dict.csv")
    assert (found.names, found.colours) == (("Void", "cup", "disc"), {0: 0, RED: 1, GREEN: 2})


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("{", "Expected JSON in --labels"),
        ('{"1": "a", "1": "b"}', "every key once in --labels, got '1' twice"),
        ({"whole": [1, 2], "core": [2]}, "one class for 2 in labels, got 'whole' and 'core'. Regions that overlap"),
        ({"0": "background"}, "a background and 1 to 254 classes in labels, got"),
        ({"1": "a", "#ff0000": "b"}, "either values, colours or parts in labels"),
        ({"1": "a", "organ": "b"}, "Expected labels in labels: value or colour and name"),
        ({"1": 2}, "names of classes in labels, words .* got 2"),
        ({"1": "$import os"}, "do not begin with \\$"),
        ({"1": "Organ", "2": "organ"}, "differ in more than case"),
        ({}, "Expected labels in labels"),
    ],
)
def test_what_is_refused(labels, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_labels(labels)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected a file of labels at .*none.json, found none. It holds value"):
        read_labels(tmp_path / "none.json")


def test_dataset_json_beside_the_folders(tmp_path):
    (tmp_path / "imagesTr").mkdir()
    assert find_labels(tmp_path / "imagesTr", None) is None
    (tmp_path / "dataset.json").write_text("[1]")
    assert find_labels(tmp_path / "imagesTr", None) is None
    (tmp_path / "dataset.json").write_text('{"labels": {"background": 0, "organ": 1}}')
    assert find_labels(tmp_path / "imagesTr", None) == tmp_path.resolve() / "dataset.json"

import pytest

from ssgnet_monai.data.datasets.case_lists import split_by_lists

CASES = ["A", "B", "C", "D", "E"]


def write(folder, **lists):
    folder.mkdir(exist_ok=True)
    for name, cases in lists.items():
        (folder / f"{name}.txt").write_text("\n".join(cases))
    return folder


def test_three_lists_are_kept_as_they_are(tmp_path):
    folder = write(tmp_path / "lists", train="AB", val="C", test="DE", notes="X")
    expected = {"A": "training", "B": "training", "C": "validation", "D": "test", "E": "test"}
    assert split_by_lists(folder, tmp_path, CASES, "x") == expected
    assert split_by_lists("lists", tmp_path, CASES, "x") == expected
    files = {name: f"lists/{name}.txt" for name in ("train", "val", "test")}
    assert split_by_lists(files, tmp_path, CASES, "x") == expected


def test_without_lists_all_cases_and_without_validation_no_fixed_training(tmp_path):
    assert split_by_lists(None, tmp_path, CASES, "x") == dict.fromkeys(CASES)
    folder = write(tmp_path / "lists", train="abc", test="D")
    assert split_by_lists(folder, tmp_path, CASES, "x") == {"A": None, "B": None, "C": None, "D": "test"}


def test_an_empty_validation_list_says_that_there_is_none(tmp_path):
    folder = write(tmp_path / "lists", train="abc", val="", test="D")
    found = split_by_lists(folder, tmp_path, CASES, "x")
    assert found == {"A": "training", "B": "training", "C": "training", "D": "test"}


def test_withdrawn_cases_are_told(tmp_path, caplog):
    folder = write(tmp_path / "lists", train=["A", "B", "Y"], test=["C", "Z"])
    found = split_by_lists(folder, tmp_path, CASES, "x", withdrawn=("Y", "Z"))
    assert found == {"A": None, "B": None, "C": "test"}
    assert "train.txt (training) names Y, withdrawn by the owner: 2 cases remain of 3" in caplog.text
    assert "test.txt (test) names Z, withdrawn by the owner: 1 cases remain of 2" in caplog.text


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (
            {"train": "AB", "test": "BC"},
            r"Expected every case once in the lists, got B in .*train.txt .* before \(test\)",
        ),
        ({"train": "AAB", "test": "C"}, r"Expected every case once in the lists, got A in .*train.txt"),
        ({"train": "AX", "test": "C"}, r"in .*train.txt, got 1 of 2 that are not there: X"),
        ({"train": "A", "training": "B", "test": "C"}, "Expected one list of a kind"),
    ],
)
def test_lists_that_contradict_the_data_or_each_other(tmp_path, lists, message):
    with pytest.raises(ValueError, match=message):
        split_by_lists(write(tmp_path / "lists", **lists), tmp_path, CASES, "x")


def test_lists_that_are_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Expected lists at none \(as given, or in "):
        split_by_lists("none", tmp_path, CASES, "x")
    folder = write(tmp_path / "lists", train="A")
    with pytest.raises(FileNotFoundError, match=r"Expected train and test lists .* found train.txt"):
        split_by_lists(folder, tmp_path, CASES, "x")
    with pytest.raises(FileNotFoundError, match="Expected a folder of lists, got the file"):
        split_by_lists(folder / "train.txt", tmp_path, CASES, "x")
    with pytest.raises(ValueError, match="Expected lists of .* got one of 'tests'"):
        split_by_lists({"tests": "lists/train.txt"}, tmp_path, CASES, "x")

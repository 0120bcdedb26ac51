"""Reading ``per_case.csv``: counts by model and class, patients, broken files."""

import pytest
import torch

from ssgnet_monai.report.case_counts import case_groups, read_case_counts
from tests.report.case_files import write_cases

HEAD = "case,model,class,tp,tn,fp,fn,dice,iou\n"


def test_counts_of_two_models_and_two_classes(tmp_path):
    lines = [
        f"{case},{model},{name},{tp},9,1,2,,"
        for model, first in (("a", 0), ("b", 10))
        for case, more in (("x.png", 0), ("y.png", 4))
        for tp, name in ((first + more, "liver"), (first + more + 1, "tumour"))
    ]
    (tmp_path / "per_case.csv").write_text(HEAD + "\n".join(lines))
    found = read_case_counts(tmp_path / "per_case.csv")
    assert found.cases == ["x.png", "y.png"]
    assert found.by_model["b"].shape == (2, 3, 4)
    assert found.by_model["b"][..., 0].tolist() == [[0, 10, 11], [0, 14, 15]]
    torch.testing.assert_close(found.by_model["a"][1, 2], torch.tensor([5.0, 9, 1, 2], dtype=torch.float64))


def test_without_a_file_or_a_case_there_are_none(tmp_path):
    assert read_case_counts(tmp_path / "per_case.csv") is None
    (tmp_path / "per_case.csv").write_text(HEAD)
    assert read_case_counts(tmp_path / "per_case.csv") is None


@pytest.mark.parametrize("text", ["case,model\nx,a\n", HEAD + "x,a,liver,1,2\n", HEAD + "x,a,liver,1,2,three,4,,\n"])
def test_a_broken_file_is_named(tmp_path, text):
    (tmp_path / "per_case.csv").write_text(text)
    with pytest.raises(ValueError, match=r"a line with tp, tn, fp, fn for each case, .*per_case.csv, got"):
        read_case_counts(tmp_path / "per_case.csv")


def test_a_case_that_a_model_lacks_is_no_table(tmp_path):
    write_cases(tmp_path, {"a": [0.5, 0.6]}, ["x", "y"])
    with open(tmp_path / "per_case.csv", "a") as file:
        file.write("\nx,b,polyp,1,2,3,4,,\n")
    with pytest.raises(ValueError, match="Evaluate this row again"):
        read_case_counts(tmp_path / "per_case.csv")


def test_patients_of_pictures_and_of_volumes():
    datalist = {
        "training": [{"image": "images/a.png", "group": "p"}],
        "test": [{"image": "images/b.png"}, {"image": "images/v_0003.png", "slice": 3, "group": 7}],
    }
    assert case_groups(datalist) == {"a.png": "group p", "b.png": "case images/b.png", "v": "group 7"}
    assert case_groups({}) == {}

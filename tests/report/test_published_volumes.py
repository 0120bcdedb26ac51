"""Published results of volumes: consistent with themselves, found by name, drawn in the report."""

import json

import pytest

from ssgnet_monai.report import write_report
from ssgnet_monai.report.collect import collect
from ssgnet_monai.report.published_volumes import published_volumes

NAMES = ("la2018", "pancreas_ct", "brats2019")


@pytest.mark.parametrize("name", NAMES)
def test_numbers_fit_each_other(name):
    published = published_volumes(name.upper().replace("_", "-"))
    assert published["dataset"] == name
    for table in published["tables"]:
        for row in table["rows"]:
            assert 0.5 < row["dice"] < 0.95, row
            if row["jaccard"] is not None:
                # Means over cases: near D / (2 - D), which is convex, so that the mean Jaccard lies above it.
                bound = row["dice"] / (2 - row["dice"])
                assert bound - 0.002 < row["jaccard"] < bound + 0.04, row
                assert 0 < row["asd"] < row["hd95"], row


def test_a_line_by_hand():
    tables = {table["labelled"]: table["rows"] for table in published_volumes("la2018")["tables"]}
    assert list(tables) == [4, 8, 16, 80]
    found = next(row for row in tables[8] if row["model"] == "TraCoCo, last checkpoint")
    assert (found["dice"], found["jaccard"], found["hd95"], found["asd"]) == (0.8929, 0.8082, 6.92, 2.28)
    assert "TraCoCo's repository" in found["source"]


def test_other_datasets_have_none():
    assert published_volumes("kvasir_seg") is None


def test_the_report_shows_them_with_their_source(build_run):
    run = build_run()
    path = run / "data" / "datalist.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, "name": "la2018"}), encoding="utf-8")
    assert collect(run)["volumes"]["dataset"] == "la2018"
    page = write_report(run).read_text(encoding="utf-8")
    assert "Published results on this dataset, 8 labelled volumes" in page
    assert "results.md in TraCoCo" in page

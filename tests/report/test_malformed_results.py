"""Files of a run that somebody has changed by hand: the folder is named, without a traceback."""

import json

import pytest

from ssgnet_monai.pipeline.layout import LAYOUT
from ssgnet_monai.report.page import write_report


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("data/datalist.json", {"training": [1, 2]}),
        ("data/datalist.json", {"training": "abc"}),
        ("data/datalist.json", {"classes": 3, "training": []}),
        ("data/datalist.json", []),
        ("generators/a/metrics.json", {"kid": "x", "n_real": "many"}),
        ("generators/a/metrics.json", {"kid": [1], "references": [1]}),
        ("segmentation/u/seed0/metrics.json", {"checkpoints": [1], "n": "x"}),
        ("segmentation/u/seed0/metrics.json", {"checkpoints": {"model": {"pooled": {"dice": "high"}}}}),
        ("segmentation/u/seed0/rounds.json", {"arms": {"x": [1]}, "choice": 3}),
        ("classification/r/original/seed0/metrics.json", {"classes": 3, "stage": "classification"}),
        ("experiment.json", {"layout": LAYOUT, "config": [1]}),
    ],
)
def test_malformed_results_are_named(tmp_path, file, content):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"Expected .*{tmp_path}"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_a_command_that_is_no_shell_line_stays(tmp_path):
    (tmp_path / "experiment.json").write_text(json.dumps({"layout": LAYOUT, "config": {}, "commands": ["it's"]}))
    write_report(tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["experiment"]["commands"] == ["it's"]

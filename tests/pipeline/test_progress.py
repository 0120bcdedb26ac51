from pathlib import Path

from ssgnet_monai.pipeline.progress import StageWatch
from ssgnet_monai.pipeline.stage import Outputs, Stage

STAGE = Stage("train", "train", [], Outputs(Path("model.pt")), ["true"])
LOG = """step 1\rstep 2\rstep 3
Traceback (most recent call last):
  File "x.py", line 1, in <module>
    raise ValueError
ValueError: Expected a power of two, got 33.

The above exception was the direct cause of the following exception:
Traceback (most recent call last):
RuntimeError: Failed to instantiate component
"""


def watch_of(tmp_path):
    (tmp_path / "logs").mkdir()
    return StageWatch(tmp_path, [STAGE], interval=0)


def test_a_failed_stage_tells_its_first_cause_first(tmp_path):
    watch = watch_of(tmp_path)
    watch.log("train").write_text(LOG)
    watch.update()
    assert watch.unfinished() == ["train"]
    assert watch.causes("train").splitlines() == [
        "ValueError: Expected a power of two, got 33.",
        "RuntimeError: Failed to instantiate component",
    ]


def test_without_an_error_line_the_end_of_the_log_is_told(tmp_path):
    watch = watch_of(tmp_path)
    watch.log("train").write_text("one\nprogress 1\rprogress 2\rprogress 3\n")
    assert watch.causes("train") == "one\nprogress 3"


def test_a_stage_is_done_when_its_outputs_are_there(tmp_path):
    watch = watch_of(tmp_path)
    watch.log("train").write_text("x")
    (tmp_path / "model.pt").touch()
    watch.update()
    assert watch.unfinished() == []

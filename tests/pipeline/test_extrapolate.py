from pathlib import Path

import pytest

from ssgnet_monai.pipeline.extrapolate import makespan, straight_line
from ssgnet_monai.pipeline.stage import Outputs, Stage

DATA, A, B, C, D = map(Path, ("data", "a.pt", "b.pt", "c.pt", "d.pt"))


def test_two_runs_part_the_start_from_the_steps():
    start, step = straight_line((1, 8.5), (33, 24.5))
    assert (start, step) == (8.0, 0.5)
    assert start + step * 1000 == 508
    assert straight_line((1, 9.0), (33, 8.0)) == (9.0, 0.0)  # noise: no step costs less than nothing
    assert straight_line((10, 1.0), (20, 30.0)) == (0.0, 2.9)
    with pytest.raises(ValueError, match="longer second run, got 3 and 3"):
        straight_line((3, 1.0), (3, 2.0))


def stages():
    return [
        Stage("a", "x", [DATA], Outputs(A), [], threads=1, gpu=1),
        Stage("b", "x", [DATA], Outputs(B), [], threads=1, gpu=1),
        Stage("after_a", "x", [A], Outputs(C), [], threads=1, gpu=1),
        Stage("both", "x", [C, B], Outputs(D), [], threads=4),
    ]


@pytest.mark.parametrize(
    ("cores", "gpus", "expected"),
    [(2, None, 10 + 5 + 3), (4, None, 10 + 5 + 3), (1, None, 10 + 12 + 5 + 3), (2, 1, 10 + 12 + 5 + 3)],
)
def test_stages_wait_for_their_inputs_the_cores_and_the_gpu(cores, gpus, expected):
    seconds = {"a": 10.0, "b": 12.0, "after_a": 5.0, "both": 3.0}
    assert makespan(stages(), seconds, cores, gpus) == expected

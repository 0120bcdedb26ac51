"""The kill matrix through its own code: the cheapest kinds, once each."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "kill_matrix.py"


@pytest.fixture
def matrix():
    spec = importlib.util.spec_from_file_location("kill_matrix", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["generator", "labelling"])
def test_a_killed_run_ends_as_if_nobody_had_killed_it(matrix, kind, tmp_path):
    matrix.main(
        ["--only", kind, "--trials", "1", "--output", str(tmp_path / "x.json"), "--keep", str(tmp_path / "runs")]
    )
    (trial,) = json.loads((tmp_path / "x.json").read_text())["kinds"][kind]
    assert trial["finished"]
    assert trial["equal"]


def test_equal_weights_sees_one_bit_and_a_missing_model(matrix, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "state").mkdir(parents=True)
        torch.save({"w": torch.zeros(3)}, tmp_path / name / "model.pt")
        torch.save({name: 0}, tmp_path / name / "state" / "checkpoint.pt")
    assert matrix.equal_weights(tmp_path / "a", tmp_path / "b")
    torch.save({"w": torch.tensor([0.0, 0.0, 1e-45])}, tmp_path / "b" / "model.pt")
    assert not matrix.equal_weights(tmp_path / "a", tmp_path / "b")
    (tmp_path / "b" / "model.pt").unlink()
    assert not matrix.equal_weights(tmp_path / "a", tmp_path / "b")

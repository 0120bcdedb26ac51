import json

import pytest

from scripts.active_learning_curve import main
from ssgnet_monai.data import write_phantom

pytestmark = pytest.mark.slow


def test_a_small_curve_and_going_on(tmp_path):
    data = write_phantom(tmp_path / "data", (16, 8), size=32).parent
    words = ["--data", str(data), "--folder", str(tmp_path / "runs"), "--output", str(tmp_path / "curve.json")]
    words += ["--labels", "3", "5", "--seeds", "0", "--steps", "2", "--image-size", "32"]
    found = main(words)
    first = tmp_path / "runs" / "seed0" / "first_0003"
    scored = json.loads((first / "metrics.json").read_text())["checkpoints"]["model"]["pooled"]["dice"]
    for strategy in ("random", "disagreement"):
        chosen = tmp_path / "runs" / "seed0" / f"{strategy}_0005" / "chosen.json"
        assert len(json.loads(chosen.read_text())) == 2
        assert found["test_dice"][strategy][0][0] == scored
    before = (first / "model.pt").stat().st_mtime_ns
    assert json.loads((tmp_path / "curve.json").read_text()) == json.loads(json.dumps(main(words)))
    assert (first / "model.pt").stat().st_mtime_ns == before

import json
import math
import random

import pytest
import torch

from scripts.active_learning_curve import STRATEGIES, boundary_entropy, main, power_key, summary
from ssgnet_monai.data import write_phantom


def test_a_small_curve_and_going_on(tmp_path, capsys):
    data = write_phantom(tmp_path / "data", (16, 8), size=32).parent
    test = write_phantom(tmp_path / "test", (5, 4), size=32, seed=1).parent
    words = ["--data", str(data), "--test", str(test), "--folder", str(tmp_path / "runs")]
    words += ["--output", str(tmp_path / "curve.json"), "--labels", "3", "5", "--seeds", "0", "1", "--image-size", "32"]
    found = main([*words, "--steps", "2"])
    first = tmp_path / "runs" / "seed0" / "first_0003"
    scored = json.loads((first / "metrics.json").read_text())
    assert scored["n"] == found["images"]["test"] == 9
    for strategy in STRATEGIES:
        chosen = json.loads((tmp_path / "runs" / "seed0" / f"{strategy}_0005" / "chosen.json").read_text())
        assert len(set(chosen)) == 2
        by_seed = found["strategies"][strategy]["by_seed"]
        assert by_seed[0][0] == pytest.approx(scored["checkpoints"]["model"]["per_case"]["dice_mean"])
    before = (first / "model.pt").stat().st_mtime_ns
    assert json.loads((tmp_path / "curve.json").read_text()) == json.loads(json.dumps(main([*words, "--steps", "2"])))
    assert (first / "model.pt").stat().st_mtime_ns == before
    with pytest.raises(SystemExit):
        main([*words, "--steps", "3"])
    assert "another --folder" in capsys.readouterr().err


def test_the_differences_are_paired_and_leave_the_common_first_count_out():
    generator = torch.Generator().manual_seed(0)
    base = [torch.rand(3, 50, generator=generator) for _ in range(4)]
    found = summary({"random": base, "disagreement": [b - 0.1 for b in base], "boundary": base}, (3, 5, 9))
    for name in ("5", "9", "all"):
        worse = found["minus_random"]["disagreement"][name]
        assert worse["difference"] == pytest.approx(-0.1)
        assert worse["ci95"] == pytest.approx([-0.1, -0.1], abs=1e-6)
        assert found["minus_random"]["boundary"][name]["ci95"] == pytest.approx([0, 0], abs=1e-6)
    assert set(found["minus_random"]["boundary"]) == {"5", "9", "all"}
    assert found["strategies"]["random"]["test_dice"][2][0] == pytest.approx(
        sum(float(b[2].mean()) for b in base) / 4, abs=1e-6
    )


def test_the_entropy_of_the_edge_by_hand():
    logits = torch.full((3, 1, 16, 16), -20.0)
    logits[0, :, 8:] = 0.0  # half of the picture at p = .5: rows 6 .. 9 are the edge, rows 8 and 9 unsure
    logits[1] = math.log(0.25 / 0.75)  # no foreground: the whole picture counts
    logits[2, :, :8] = 20.0  # sure on both sides
    quarter = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    expected = torch.tensor([math.log(2) / 2, quarter, 0.0], dtype=torch.float64)
    torch.testing.assert_close(boundary_entropy(lambda x: x, logits), expected, atol=1e-6, rtol=0)


def test_power_sampling_draws_with_chances_as_the_scores():
    draw = random.Random(0)
    first = sum(power_key(0.3, draw) > power_key(0.1, draw) for _ in range(4000)) / 4000
    assert first == pytest.approx(0.75, abs=0.03)
    assert math.isfinite(power_key(0.0, draw))

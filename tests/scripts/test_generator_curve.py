import json

import pytest
from PIL import Image

from scripts.generator_curve import main
from ssgnet_monai.data import write_phantom


def test_a_small_curve_and_going_on(tmp_path):
    data = write_phantom(tmp_path / "data", (16, 8), size=32).parent
    small = tmp_path / "small.yaml"
    small.write_text(
        "{batch_size: 4, tick_kimg: 0.008, num_layers: 4, margin_size: 2, channel_max: 8, z_dim: 16, w_dim: 16}\n"
    )
    words = ["--data", str(data), "--config", str(small), "--image-size", "32", "--num-images", "6"]
    words += ["--folder", str(tmp_path / "run"), "--output", str(tmp_path / "curve.json"), "--kimg", "0.008"]
    first = main(words)
    before = (tmp_path / "run" / "kimg00000.008" / "metrics.json").stat().st_mtime_ns
    found = main([*words, "0.016"])
    assert json.loads((tmp_path / "curve.json").read_text()) == found
    assert found["points"][0] == first["points"][0]
    assert [point["kimg"] for point in found["points"]] == [0.008, 0.016]
    assert found["points"][0]["kid"]["mean"] != pytest.approx(found["points"][1]["kid"]["mean"])
    assert (tmp_path / "run" / "kimg00000.008" / "metrics.json").stat().st_mtime_ns == before
    lines = (tmp_path / "run" / "training" / "state" / "stats.jsonl").read_text().splitlines()
    assert [json.loads(line)["kimg"] for line in lines] == [0.008, 0.016]  # one training, that went on
    with Image.open(tmp_path / "run" / "curve.png") as picture:
        assert picture.size == (8 * 32, 2 * 32)

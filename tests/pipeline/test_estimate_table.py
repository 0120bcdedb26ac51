import pytest

from ssgnet_monai.pipeline.estimate_table import Part, duration, format_parts, shortages


@pytest.mark.parametrize(("seconds", "text"), [(7.4, "7 s"), (99, "99 s"), (600, "10 min"), (7200, "2.0 h")])
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_the_table_is_aligned_and_shows_the_gpu_only_where_there_is_one():
    parts = [
        Part("generator_a", "training", "step", 0.25, 15000, 3750, 1024),
        Part("report", "page", "run", 9, 1, 9, 2048),
    ]
    lines = format_parts(parts).splitlines()
    assert lines[1].split() == ["generator_a:", "training", "0.25", "step", "15,000", "62", "min", "1.0", "GB"]
    assert len({len(line) for line in lines}) == 1
    assert "GPU" not in lines[0]
    assert "GPU memory" in format_parts([*parts, Part("b", "x", "step", 1, 1, 1, 1, 512)])


def test_shortages_name_the_figures_and_a_remedy(tmp_path):
    assert shortages(1, 1, tmp_path / "not" / "there") == []
    memory, disk = shortages(1e9, 1e18, tmp_path / "not" / "there")
    assert "976562.5 GB memory" in memory
    assert "--cores" in memory
    assert str(tmp_path) in disk
    assert "output_dir=" in disk

import pytest

from ssgnet_monai.data import load_datalist
from ssgnet_monai.data.atomic_write import write_json
from ssgnet_monai.data.datalist import read_header, save_datalist

GOOD = {
    "name": "a", "num_channels": 1, "classes": ["b"], "labels": {"0": "c"}, "intensity_window": [0, 255.5],
    "voxel_spacing": [1, 0.8, 2.5],
    "training": [{"image": "$x/@y.png", "class": "b", "group": "%g"}],
}  # fmt: skip


def test_a_good_header_passes_and_file_names_may_hold_any_sign(tmp_path):
    write_json(tmp_path / "datalist.json", GOOD)
    assert load_datalist(tmp_path, check_files=False)["classes"] == ["b"]
    assert "training" not in read_header(tmp_path / "datalist.json")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"num_channels": "$__import__('os').system('touch x')"}, "num_channels, a whole number from 1"),
        ({"num_channels": True}, "num_channels"),
        ({"num_channels": 0}, "num_channels"),
        ({"intensity_window": ["$1", 2]}, "intensity_window, two numbers"),
        ({"voxel_window": [1]}, "voxel_window, two numbers"),
        ({"voxel_spacing": [1, 1]}, "voxel_spacing, three lengths in mm"),
        ({"voxel_spacing": [1, 0, 1]}, "voxel_spacing, three lengths in mm"),
        ({"voxel_spacing": 1}, "voxel_spacing, three lengths in mm"),
        ({"classes": ["b", "$exec('x')"]}, r"begins with \$, @, %.* got classes\[1\]"),
        ({"classes": "b"}, "classes, a list of names"),
        ({"labels": {"0": "@c"}}, r"got labels.0 '@c'"),
        ({"labels": {"$c": "d"}}, r"begins with"),
        ({"name": "%x.yaml"}, "got name"),
        ({"modality": {"0": {"_target_": "$x"}}}, "got modality.0._target_"),
        ({"classes": None, "training": [{"image": "a", "class": "$x"}]}, "a class that does not begin with"),
    ],
)
def test_a_value_of_another_kind_is_refused_wherever_a_datalist_is_read_or_written(tmp_path, change, reason):
    content = {**GOOD, **change}
    write_json(tmp_path / "datalist.json", content)
    with pytest.raises(ValueError, match=reason):
        load_datalist(tmp_path)
    with pytest.raises(ValueError, match=reason):
        save_datalist(content, tmp_path / "b.json")
